// Kinds of things: what they are called, and where each is shown.
import { store } from './store.svelte';

/** All kinds that the log has. */
export const NOUNS = [
  'api_key',
  'application_credential',
  'connection',
  'connection_request',
  'endpoint_group',
  'floating_ip',
  'gateway',
  'ike_policy',
  'ipsec_policy',
  'network',
  'network_acl',
  'port',
  'project',
  'public_gateway',
  'quota',
  'revoked_token',
  'role_assignment',
  'route',
  'router',
  'security_group',
  'security_group_rule',
  'ssh_key',
  'subnet',
  'tunnel_context',
  'user',
];

interface Kind {
  title: string;
  path?: string;
  items?: () => { find(id: string): { name?: string } | undefined };
}

const KINDS: Record<string, Kind> = {
  connection: { title: 'Connection', path: '/connections', items: () => store.connections },
  connection_request: { title: 'Request', path: '/onboarding', items: () => store.requests },
  gateway: { title: 'Gateway', path: '/vpns/gateways', items: () => store.gateways },
  endpoint_group: { title: 'Endpoint group', path: '/vpns/endpoint-groups', items: () => store.endpointGroups },
  floating_ip: { title: 'Floating IP', path: '/networks/floating-ips', items: () => store.floatingIps },
  network: { title: 'Network', path: '/networks/networks', items: () => store.networks },
  security_group: { title: 'Security group', path: '/networks/security-groups', items: () => store.securityGroups },
  ike_policy: { title: 'IKE policy', path: '/vpns/ike-policies', items: () => store.ikePolicies },
  ipsec_policy: { title: 'IPsec policy', path: '/vpns/ipsec-policies', items: () => store.ipsecPolicies },
  project: { title: 'Project', path: '/operator/projects', items: () => store.projects },
  router: { title: 'Router', path: '/networks/routers', items: () => store.routers },
  subnet: { title: 'Subnet', path: '/networks/subnets', items: () => store.subnets },
  port: { title: 'Port', items: () => store.machines },
};

export function nounTitle(noun: string): string {
  const known = KINDS[noun]?.title;
  if (known) return known;
  const text = noun.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const nameOf = (noun: string, id: string) => KINDS[noun]?.items?.().find(id)?.name;

export function linkTo(noun: string, id: string): string | undefined {
  const kind = KINDS[noun];
  if (noun === 'port') return store.machines.find(id) && `/networks/machines/${id}`;
  return kind?.path && `${kind.path}/${id}`;
}
