// Whose words a configuration of the other side can be written in, and in which file it is kept.
import type { operations } from '../api';

export type Vendor = operations['show_peer_config']['parameters']['query']['vendor'];

/** The compiler sees that none is left out. */
const ALL: Record<Vendor, [title: string, end: string]> = {
  strongswan: ['strongSwan (swanctl.conf)', 'conf'],
  libreswan: ['libreswan (ipsec.conf)', 'conf'],
  'cisco-ios-xe': ['Cisco IOS-XE', 'txt'],
  'cisco-asa': ['Cisco ASA', 'txt'],
  junos: ['Juniper Junos', 'txt'],
  'pan-os': ['Palo Alto PAN-OS', 'txt'],
  fortios: ['Fortinet FortiOS', 'txt'],
  vyos: ['VyOS', 'txt'],
  mikrotik: ['MikroTik RouterOS', 'txt'],
  opnsense: ['OPNsense', 'txt'],
  'terraform-aws': ['AWS (Terraform)', 'tf'],
  'terraform-azure': ['Azure (Terraform)', 'tf'],
  'terraform-gcp': ['Google Cloud (Terraform)', 'tf'],
  'terraform-ibm': ['IBM Cloud VPC (Terraform)', 'tf'],
  adit: ['Another Adit', 'sh'],
};

export const VENDORS = Object.entries(ALL).map(([word, [title, end]]): [Vendor, string, string] => [word as Vendor, title, end]);
