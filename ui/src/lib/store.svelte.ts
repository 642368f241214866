// All that is shown: one list for each kind of thing, read once, and kept true by the event stream. Every screen shows
// what is here, so that no two of them can disagree.
import { all, answer, api, refusal, type Refused, type Schemas } from './api';
import { follow, type Told } from './events';

interface Thing {
  id: string;
}

type Asked<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

interface Source<T> {
  page(query: { limit: number; cursor?: string }): Asked<{ items: T[]; next?: string | null }>;
  one(id: string): Asked<T>;
}

/** More changes at once than this are read as a whole list. */
const MANY = 20;
/** How long changes are gathered. */
const GATHER_MS = 60;

export class List<T extends Thing> {
  items = $state.raw<T[]>([]);
  state = $state<'idle' | 'loading' | 'ready' | 'failed'>('idle');
  problem = $state.raw<Refused | null>(null);
  #byId = $derived(new Map(this.items.map((item) => [item.id, item])));
  #source: Source<T>;
  #pending = new Set<string>();
  /** What was deleted: an answer that was under way meanwhile does not bring it back. No id is given twice. */
  #gone = new Set<string>();
  #everything = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading = false;
  #era = 0;

  constructor(source: Source<T>) {
    this.#source = source;
  }

  find(id: string | null | undefined): T | undefined {
    return id ? this.#byId.get(id) : undefined;
  }

  /** Has it read, if it was not. */
  want(): this {
    if (this.state === 'idle') {
      this.state = 'loading';
      this.#everything = true;
      void this.#read();
    }
    return this;
  }

  async #load() {
    const era = this.#era;
    try {
      const items = await all(this.#source.page);
      if (era !== this.#era) return;
      this.items = this.#gone.size ? items.filter(({ id }) => !this.#gone.has(id)) : items;
      this.problem = null;
      this.state = 'ready';
    } catch (error) {
      if (era !== this.#era) return;
      this.problem = refusal(error);
      if (this.state !== 'ready') this.state = 'failed';
    }
  }

  /** Puts in what an answer showed. */
  put(item: T) {
    if (this.#gone.has(item.id)) return;
    const at = this.items.findIndex((one) => one.id === item.id);
    this.items = at < 0 ? [...this.items, item] : this.items.with(at, item);
  }

  drop(id: string) {
    this.#gone.add(id);
    this.#pending.delete(id);
    if (this.find(id)) this.items = this.items.filter((item) => item.id !== id);
  }

  /** Something of it is known to be another: one, or all. */
  stale(id?: string) {
    if (this.state === 'idle') return;
    if (id === undefined) this.#everything = true;
    else this.#pending.add(id);
    this.#timer ??= setTimeout(() => void this.#read(), GATHER_MS);
  }

  // One after the other, so that what is older never comes in place of what is newer.
  async #read() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#reading) {
      this.#timer = setTimeout(() => void this.#read(), GATHER_MS);
      return;
    }
    this.#reading = true;
    const ids = [...this.#pending];
    const everything = this.#everything || ids.length > MANY;
    this.#pending.clear();
    this.#everything = false;
    try {
      if (everything) await this.#load();
      else await Promise.all(ids.map((id) => this.refresh(id)));
    } finally {
      this.#reading = false;
    }
  }

  /** Reads one anew. */
  async refresh(id: string): Promise<T | undefined> {
    const era = this.#era;
    try {
      const item = await answer(this.#source.one(id));
      if (era === this.#era) this.put(item);
      return item;
    } catch (error) {
      if (era === this.#era && refusal(error).status === 404) this.drop(id);
      return undefined;
    }
  }

  /** Forgets all: somebody else is here, or the same one elsewhere. */
  forget() {
    this.#era += 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.clear();
    this.#everything = false;
    this.#gone.clear();
    this.items = [];
    this.problem = null;
    this.state = 'idle';
  }
}

const path = (id: string) => ({ params: { path: { id } } });

export const store = {
  connections: new List<Schemas['ConnectionShape']>({
    page: (query) => api.GET('/adit/v1/connections', { params: { query } }),
    one: (id) => api.GET('/adit/v1/connections/{id}', path(id)),
  }),
  gateways: new List<Schemas['GatewayShape']>({
    page: (query) => api.GET('/adit/v1/gateways', { params: { query } }),
    one: (id) => api.GET('/adit/v1/gateways/{id}', path(id)),
  }),
  ikePolicies: new List<Schemas['PolicyShape_IkeShape']>({
    page: (query) => api.GET('/adit/v1/ike-policies', { params: { query } }),
    one: (id) => api.GET('/adit/v1/ike-policies/{id}', path(id)),
  }),
  ipsecPolicies: new List<Schemas['PolicyShape_IpsecShape']>({
    page: (query) => api.GET('/adit/v1/ipsec-policies', { params: { query } }),
    one: (id) => api.GET('/adit/v1/ipsec-policies/{id}', path(id)),
  }),
  endpointGroups: new List<Schemas['EndpointGroupShape']>({
    page: (query) => api.GET('/adit/v1/endpoint-groups', { params: { query } }),
    one: (id) => api.GET('/adit/v1/endpoint-groups/{id}', path(id)),
  }),
  networks: new List<Schemas['NetworkShape']>({
    page: (query) => api.GET('/adit/v1/networks', { params: { query } }),
    one: (id) => api.GET('/adit/v1/networks/{id}', path(id)),
  }),
  floatingIps: new List<Schemas['FloatingIpShape']>({
    page: (query) => api.GET('/adit/v1/floating-ips', { params: { query } }),
    one: (id) => api.GET('/adit/v1/floating-ips/{id}', path(id)),
  }),
  securityGroups: new List<Schemas['SecurityGroupShape']>({
    page: (query) => api.GET('/adit/v1/security-groups', { params: { query } }),
    one: (id) => api.GET('/adit/v1/security-groups/{id}', path(id)),
  }),
  routers: new List<Schemas['RouterShape']>({
    page: (query) => api.GET('/adit/v1/routers', { params: { query } }),
    one: (id) => api.GET('/adit/v1/routers/{id}', path(id)),
  }),
  subnets: new List<Schemas['SubnetShape']>({
    page: (query) => api.GET('/adit/v1/subnets', { params: { query } }),
    one: (id) => api.GET('/adit/v1/subnets/{id}', path(id)),
  }),
  machines: new List<Schemas['MachineShape']>({
    page: (query) => api.GET('/adit/v1/machines', { params: { query } }),
    one: (id) => api.GET('/adit/v1/machines/{id}', path(id)),
  }),
  projects: new List<Schemas['ProjectShape']>({
    page: () => api.GET('/adit/v1/projects') as Asked<{ items: Schemas['ProjectShape'][] }>,
    one: (id) => api.GET('/adit/v1/projects/{id}', path(id)),
  }),
  requests: new List<Schemas['RequestShape']>({
    page: (query) => api.GET('/adit/v1/requests', { params: { query } }),
    one: (id) => api.GET('/adit/v1/requests/{id}', path(id)),
  }),
};

const lists = () => Object.values(store) as List<Thing>[];

/** What has to be read anew when something of a kind is changed; the first by its id, the others as a whole. */
const touched: Record<string, [List<Thing> | null, ...List<Thing>[]]> = {
  connection: [store.connections as List<Thing>, store.ikePolicies as List<Thing>, store.ipsecPolicies as List<Thing>],
  connection_request: [store.requests as List<Thing>],
  gateway: [store.gateways as List<Thing>],
  endpoint_group: [store.endpointGroups as List<Thing>, store.connections as List<Thing>],
  floating_ip: [store.floatingIps as List<Thing>],
  network: [store.networks as List<Thing>],
  security_group: [store.securityGroups as List<Thing>],
  security_group_rule: [null, store.securityGroups as List<Thing>],
  project: [store.projects as List<Thing>],
  ike_policy: [store.ikePolicies as List<Thing>, store.connections as List<Thing>],
  ipsec_policy: [store.ipsecPolicies as List<Thing>, store.connections as List<Thing>],
  router: [store.routers as List<Thing>, store.gateways as List<Thing>, store.connections as List<Thing>],
  subnet: [store.subnets as List<Thing>, store.networks as List<Thing>],
  port: [store.machines as List<Thing>, store.subnets as List<Thing>, store.floatingIps as List<Thing>],
};

export interface Happened {
  key: number;
  event: string;
  at: string;
  project?: string | null;
  noun: string;
  id: string;
  change?: string;
  actor?: string;
  state?: string;
  status?: string;
  lines?: string[];
}

const KEPT = 200;
let happened = $state.raw<Happened[]>([]);
let line = $state<'connecting' | 'up' | 'down'>('connecting');
let next = 0;
let project = '';
const listeners = new Set<(event: Happened) => void>();

function take({ event, data }: Told) {
  if (event === 'reset') {
    for (const list of lists()) list.stale();
    return;
  }
  const told = { ...(data as Omit<Happened, 'key' | 'event'>), event, key: next++ };
  for (const call of listeners) call(told);
  // Administrators are told of all projects; the lists are one project's.
  if (told.project && told.project !== project) return;
  happened = [told, ...happened].slice(0, KEPT);
  const [own, ...others] = touched[told.noun] ?? [null];
  if (told.change === 'deleted') own?.drop(told.id);
  else own?.stale(told.id);
  // What was seen of a tunnel is of that tunnel alone.
  if (event === 'change') for (const list of others) list.stale();
  if (event === 'gateway') store.connections.stale();
}

/** What happened since the page is there, newest first. */
export const stream = {
  get happened() {
    return happened;
  },
  get line() {
    return line;
  },
  listen(call: (event: Happened) => void) {
    listeners.add(call);
    return () => {
      listeners.delete(call);
    };
  },
};

/** Follows for one session, until it is ended. What is known stays: the same one may log in again. */
export function followAll(own: string, over: () => void): () => void {
  project = own;
  line = 'connecting';
  let isFirst = true;
  const end = follow('/adit/v1/events', {
    told: take,
    line(up) {
      // Between two lines nothing is missed, for the service goes on from the last event. What was read before the first
      // one may be older than it.
      if (up) for (const list of lists()) if (isFirst || list.problem) list.stale();
      isFirst &&= !up;
      line = up ? 'up' : 'down';
    },
    refused: over,
  });
  return end;
}

/** Forgets all: somebody else is here, or the same one elsewhere. */
export function forgetAll() {
  happened = [];
  for (const list of lists()) list.forget();
}
