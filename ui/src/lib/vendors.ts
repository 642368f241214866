// Whose words a configuration of the other side can be written in, and in which file it is kept.

export const VENDORS: [word: string, title: string, end: string][] = [
  ['strongswan', 'strongSwan (swanctl.conf)', 'conf'],
  ['libreswan', 'libreswan (ipsec.conf)', 'conf'],
  ['cisco-ios-xe', 'Cisco IOS-XE', 'txt'],
  ['junos', 'Juniper Junos', 'txt'],
  ['fortios', 'Fortinet FortiOS', 'txt'],
  ['vyos', 'VyOS', 'txt'],
  ['mikrotik', 'MikroTik RouterOS', 'txt'],
  ['adit', 'Another Adit', 'sh'],
];
