// What is shown of a state: Neutron's four words with their meanings, and how loud it is.
import type { Connection, Gateway, Reason, Rung, Schemas } from './api';
import { sentence } from './format';

export type Status = 'Active' | 'Down' | 'Pending Create' | 'Error';
export type Tone = 'good' | 'bad' | 'wait' | 'off' | 'warn';

export const MEANINGS: Record<Status, string> = {
  Active: 'Tunnel is established and passing traffic',
  Down: 'Tunnel negotiation failed or peer is unreachable',
  'Pending Create': 'Connection is being provisioned',
  Error: 'Configuration error — review IKE/IPsec parameters',
};

const HOPELESS = ['ike_policy_mismatch', 'ipsec_policy_mismatch', 'unsupported'];

/** Whether it lies in what was asked for here, so that neither the peer nor time can mend it. */
const stays = (reason: Reason) => reason.whose === 'local' && HOPELESS.includes(reason.code);

export const isPaused = (connection: Connection) => !connection.enabled;

/** Reasons, without those that are only a warning. */
export const obstacles = (connection: Connection) =>
  connection.state === 'up' ? [] : connection.reasons.filter((reason) => reason.code !== 'weak_algorithm');

export const warnings = (connection: Connection) =>
  connection.state === 'up' ? connection.reasons : connection.reasons.filter((reason) => reason.code === 'weak_algorithm');

export function statusOf(connection: Connection, gateway?: Gateway): Status {
  if (gateway?.status === 'pending') return 'Pending Create';
  if (gateway?.status === 'failed') return 'Error';
  if (connection.state === 'up') return 'Active';
  if (connection.reasons.some((reason) => stays(reason) || reason.code === 'internal_error')) return 'Error';
  return 'Down';
}

export function toneOf(connection: Connection, gateway?: Gateway): Tone {
  const status = statusOf(connection, gateway);
  if (status === 'Active') return warnings(connection).some((one) => one.code !== 'weak_algorithm') ? 'warn' : 'good';
  if (status === 'Pending Create') return 'wait';
  return isPaused(connection) ? 'off' : 'bad';
}

export function gatewayStatus(gateway: Gateway): [Status, Tone] {
  if (gateway.status === 'pending') return ['Pending Create', 'wait'];
  if (gateway.status === 'failed') return ['Error', 'bad'];
  return gateway.enabled ? ['Active', 'good'] : ['Down', 'off'];
}

const REASONS: Record<string, string> = {
  administratively_down: 'Paused',
  negotiating: 'Negotiating',
  peer_not_responding: 'Peer does not respond',
  cannot_authenticate_connection: 'Authentication fails',
  ike_policy_mismatch: 'IKE policies differ',
  ipsec_policy_mismatch: 'IPsec policies differ',
  ike_v2_local_remote_cidr_mismatch: 'CIDRs don’t mirror each other',
  unsupported: 'Not supported',
  weak_algorithm: 'Weak algorithm',
  internal_error: 'Internal error',
};

export const reasonTitle = (code: string) => REASONS[code] ?? code.replaceAll('_', ' ');

/** A line of what happened, which may begin with a reason's code. */
export const spoken = (text: string) => sentence(text.replace(/^([a-z0-9_]+_[a-z0-9_]+): /, (_, code: string) => `${reasonTitle(code)}: `));

const WHOSE: Record<string, string> = { local: 'Here', peer: 'At the peer', network: 'In between' };

export const whoseSide = (whose: string) => WHOSE[whose] ?? whose;

const STEPS: Record<Schemas['Step'], string> = {
  configured: 'Configured',
  peer_reachable: 'Peer reachable',
  ike_sa: 'IKE SA agreed on',
  authenticated: 'Authenticated',
  child_sa: 'Child SA',
  traffic_in: 'Traffic from the peer',
  traffic_out: 'Traffic to the peer',
};

export const stepTitle = (rung: Rung) => STEPS[rung.step] ?? rung.step;

const AT_STEP: [Schemas['Step'], (reason: Reason) => boolean][] = [
  ['configured', (reason) => stays(reason) || reason.code === 'administratively_down' || reason.code === 'internal_error'],
  ['peer_reachable', ({ code }) => code === 'negotiating' || code === 'peer_not_responding'],
  ['ike_sa', ({ code }) => code === 'ike_policy_mismatch' || code === 'unsupported'],
  ['authenticated', ({ code }) => code === 'cannot_authenticate_connection'],
  ['child_sa', ({ code }) => code === 'ipsec_policy_mismatch' || code === 'ike_v2_local_remote_cidr_mismatch'],
];

/** The step that a reason stands at. */
export const stepOf = (reason: Reason) => AT_STEP.find(([, stands]) => stands(reason))?.[0];

/** Whether packets of both directions were seen. */
export function carries(connection: Connection): boolean {
  return connection.state === 'up' && connection.traffic.packets_in > 0 && connection.traffic.packets_out > 0;
}
