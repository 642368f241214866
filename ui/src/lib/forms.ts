// The same connection, as it is asked for in each of the service's dialects.
import type { Connection, Gateway } from './api';

export interface Form {
  word: string;
  title: string;
  text: string;
}

/** A word of a shell's command line. */
export const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

const line = (...words: (string | false | null | undefined)[]) => words.filter(Boolean).join(' ');
const broken = (...parts: (string | false | null | undefined)[]) => parts.filter(Boolean).join(' \\\n    ');

/** What says what is reachable at both ends. */
type Ends = 'blocks' | 'groups' | 'routes';

const endsOf = (one: Connection, gateway: Gateway | undefined): Ends => (one.peer.group ? 'groups' : gateway?.mode === 'route' ? 'routes' : 'blocks');

function body(one: Connection, ends: Ends) {
  const behind = (end: Connection['peer']) => (ends === 'groups' ? { group: { id: end.group } } : { cidrs: ends === 'routes' ? [] : end.cidrs });
  return {
    name: one.name,
    gateway: { id: one.gateway },
    local: { ...(ends === 'routes' ? {} : behind(one.local)), ...(one.local.identity ? { identity: one.local.identity } : {}) },
    peer: { address: one.peer.host ?? one.peer.address, ...behind(one.peer), ...(one.peer.identity ? { identity: one.peer.identity } : {}) },
    ...(one.ike_policy ? { ike_policy: { id: one.ike_policy.id } } : {}),
    ...(one.ipsec_policy ? { ipsec_policy: { id: one.ipsec_policy.id } } : {}),
    psk: 'PUT-THE-PRE-SHARED-KEY-HERE',
  };
}

export function forms(one: Connection, gateway: Gateway | undefined, subnetAt: (cidr: string) => string | undefined, origin: string): Form[] {
  const name = quoted(one.name || one.id);
  const peer = one.peer.host ?? one.peer.address;
  const via = quoted(gateway?.name ?? one.gateway);
  const ends = endsOf(one, gateway);
  const json = JSON.stringify(body(one, ends), null, 2);
  const blocks = { local_cidrs: one.local.cidrs, peer_cidrs: one.peer.cidrs };
  const isV4 = !peer.includes(':');
  return [
    { word: 'json', title: 'JSON', text: JSON.stringify(one, null, 2) },
    {
      word: 'curl',
      title: 'curl',
      text: [
        '# Show it',
        `curl -s -H "Authorization: Bearer $TOKEN" ${origin}/adit/v1/connections/${one.id}`,
        '',
        '# Make another like it',
        `curl -s -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\\n    ${origin}/adit/v1/connections -d ${quoted(json)}`,
      ].join('\n'),
    },
    {
      word: 'adit',
      title: 'adit',
      text: [
        '# Show it, and say why it is as it is',
        line('adit connection show', name),
        line('adit explain', name),
        '',
        '# Make another like it; the key is the first line of the file',
        broken(
          line('adit connection create', name, '--gateway', via),
          line('--peer', quoted(peer)),
          ends === 'blocks' && line('--local-cidrs', one.local.cidrs.join(','), '--peer-cidrs', one.peer.cidrs.join(',')),
          ends === 'groups' && line('--local-group', one.local.group, '--peer-group', one.peer.group),
          one.ike_policy && line('--ike-policy', quoted(one.ike_policy.name)),
          one.ipsec_policy && line('--ipsec-policy', quoted(one.ipsec_policy.name)),
          one.peer.identity && line('--peer-id', quoted(one.peer.identity)),
          one.local.identity && line('--local-id', quoted(one.local.identity)),
          '--psk-file psk --wait',
        ),
        ...(ends === 'routes' ? ['', '# What goes through it, routes say: IBM’s VPC dialect makes them.'] : []),
      ].join('\n'),
    },
    {
      word: 'openstack',
      title: 'openstack',
      text: [
        '# Show it',
        line('openstack vpn ipsec site connection show', one.id),
        '',
        ends === 'routes' ? '# OpenStack has no words for a VPN service in route mode.' : '# Make another like it',
        ...(ends === 'groups'
          ? [
              line('openstack vpn endpoint group create', quoted(`${one.name}-local`), '--type subnet', ...one.local.cidrs.map((cidr) => `--value ${quoted(subnetAt(cidr) ?? `SUBNET-OF-${cidr}`)}`)),
              line('openstack vpn endpoint group create', quoted(`${one.name}-peer`), '--type cidr', ...one.peer.cidrs.map((cidr) => `--value ${cidr}`)),
            ]
          : []),
        ends !== 'routes' && broken(
          line('openstack vpn ipsec site connection create', name, '--vpnservice', via),
          line('--ikepolicy', one.ike_policy ? quoted(one.ike_policy.name) : 'NAME-OF-AN-IKE-POLICY'),
          line('--ipsecpolicy', one.ipsec_policy ? quoted(one.ipsec_policy.name) : 'NAME-OF-AN-IPSEC-POLICY'),
          // Neutron takes groups where the service has no subnet, and blocks of the peer where it has one.
          ends === 'groups'
            ? line('--local-endpoint-group', quoted(`${one.name}-local`), '--peer-endpoint-group', quoted(`${one.name}-peer`))
            : line('--peer-cidr', one.peer.cidrs[0]),
          line('--peer-address', quoted(peer), '--peer-id', quoted(one.peer.identity ?? peer), '--psk PUT-THE-PRE-SHARED-KEY-HERE'),
        ),
        ...(ends === 'blocks' && one.peer.cidrs.length > 1 ? ['', `# The command takes one block of the peer’s; by the API, peer_cidrs has all: ${one.peer.cidrs.join(', ')}.`] : []),
        ...(ends === 'routes' || (one.ike_policy && one.ipsec_policy) ? [] : ['', '# This one negotiates its algorithms, for which OpenStack has no word: there it needs policies.']),
      ]
        .filter((text) => text !== false)
        .join('\n'),
    },
    {
      word: 'ibm',
      title: 'IBM VPC',
      text: ends === 'groups' ? '# IBM VPC has no words for connections between endpoint groups: there it can be shown and deleted.' : isV4
        ? [
            '# Show it',
            `curl -s -H "Authorization: Bearer $TOKEN" '${origin}/v1/vpn_gateways/${one.gateway}/connections/${one.id}?version=2020-02-20&generation=2'`,
            '',
            '# Make another like it',
            `curl -s -X POST -H "Authorization: Bearer $TOKEN" '${origin}/v1/vpn_gateways/${one.gateway}/connections?version=2020-02-20&generation=2' \\\n    -d ${quoted(
              JSON.stringify(
                {
                  name: one.name,
                  peer_address: one.peer.address,
                  psk: 'PUT-THE-PRE-SHARED-KEY-HERE',
                  ...(ends === 'routes' ? {} : blocks),
                  ...(one.ike_policy ? { ike_policy: { id: one.ike_policy.id } } : {}),
                  ...(one.ipsec_policy ? { ipsec_policy: { id: one.ipsec_policy.id } } : {}),
                },
                null,
                2,
              ),
            )}`,
          ].join('\n')
        : '# IBM VPC has no words for a peer by IPv6.',
    },
  ];
}
