// Which screen is at which address. All but the first few are loaded when somebody goes there.
import type { Component } from 'svelte';
import Connections from '../screens/Connections.svelte';
import Overview from '../screens/Overview.svelte';

// Some look at the parts of the address, some don't.
export type Screen = Component<any>;

type Loads = () => Promise<{ default: Screen }>;

const later: Record<string, Loads> = {
  connection: () => import('../screens/Connection.svelte'),
  new: () => import('../screens/NewConnection.svelte'),
  topology: () => import('../screens/Topology.svelte'),
  vpns: () => import('../screens/Vpns.svelte'),
  networks: () => import('../screens/Networks.svelte'),
  onboarding: () => import('../screens/Onboarding.svelte'),
  operator: () => import('../screens/Operator.svelte'),
};

export function screenAt(parts: string[]): Screen | Loads | null {
  const [first, second] = parts;
  if (first === undefined) return Overview;
  if (first === 'connections') {
    if (second === undefined) return Connections;
    return (second === 'new' ? later.new : later.connection) ?? null;
  }
  if (first === 'connection' || first === 'new') return null;
  return later[first] ?? null;
}

/** Whether it still has to be loaded. */
export const isLater = (screen: Screen | Loads): screen is Loads => Object.values(later).includes(screen as Loads);

/** Loads all, once there is nothing else to do: a click then shows at once. */
export function loadAhead() {
  const load = () => void Promise.all(Object.values(later).map((one) => one().catch(() => undefined)));
  if ('requestIdleCallback' in window) requestIdleCallback(load, { timeout: 4000 });
  else setTimeout(load, 1500);
}
