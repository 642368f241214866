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

function body(one: Connection) {
  return {
    name: one.name,
    gateway: { id: one.gateway },
    local: { cidrs: one.local.cidrs, ...(one.local.identity ? { identity: one.local.identity } : {}) },
    peer: { address: one.peer.host ?? one.peer.address, cidrs: one.peer.cidrs, ...(one.peer.identity ? { identity: one.peer.identity } : {}) },
    ...(one.ike_policy ? { ike_policy: { id: one.ike_policy.id } } : {}),
    ...(one.ipsec_policy ? { ipsec_policy: { id: one.ipsec_policy.id } } : {}),
    psk: 'PUT-THE-PRE-SHARED-KEY-HERE',
  };
}

export function forms(one: Connection, gateway: Gateway | undefined, subnetAt: (cidr: string) => string | undefined, origin: string): Form[] {
  const name = quoted(one.name || one.id);
  const peer = one.peer.host ?? one.peer.address;
  const via = quoted(gateway?.name ?? one.gateway);
  const json = JSON.stringify(body(one), null, 2);
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
          line('--peer', quoted(peer), '--peer-cidrs', one.peer.cidrs.join(',')),
          line('--local-cidrs', one.local.cidrs.join(',')),
          one.ike_policy && line('--ike-policy', quoted(one.ike_policy.name)),
          one.ipsec_policy && line('--ipsec-policy', quoted(one.ipsec_policy.name)),
          one.peer.identity && line('--peer-id', quoted(one.peer.identity)),
          one.local.identity && line('--local-id', quoted(one.local.identity)),
          '--psk-file psk --wait',
        ),
      ].join('\n'),
    },
    {
      word: 'openstack',
      title: 'openstack',
      text: [
        '# Show it',
        line('openstack vpn ipsec site connection show', one.id),
        '',
        '# Make another like it',
        line('openstack vpn endpoint group create', quoted(`${one.name}-local`), '--type subnet', ...one.local.cidrs.map((cidr) => `--value ${quoted(subnetAt(cidr) ?? `SUBNET-OF-${cidr}`)}`)),
        line('openstack vpn endpoint group create', quoted(`${one.name}-peer`), '--type cidr', ...one.peer.cidrs.map((cidr) => `--value ${cidr}`)),
        broken(
          line('openstack vpn ipsec site connection create', name, '--vpnservice', via),
          line('--ikepolicy', one.ike_policy ? quoted(one.ike_policy.name) : 'NAME-OF-AN-IKE-POLICY'),
          line('--ipsecpolicy', one.ipsec_policy ? quoted(one.ipsec_policy.name) : 'NAME-OF-AN-IPSEC-POLICY'),
          line('--local-endpoint-group', quoted(`${one.name}-local`), '--peer-endpoint-group', quoted(`${one.name}-peer`)),
          line('--peer-address', quoted(peer), '--peer-id', quoted(one.peer.identity ?? peer), '--psk PUT-THE-PRE-SHARED-KEY-HERE'),
        ),
        ...(one.ike_policy && one.ipsec_policy ? [] : ['', '# This one negotiates its algorithms, for which OpenStack has no word: there it needs policies.']),
      ].join('\n'),
    },
    {
      word: 'ibm',
      title: 'IBM VPC',
      text: isV4
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
                  local_cidrs: one.local.cidrs,
                  peer_cidrs: one.peer.cidrs,
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
