// What somebody is about to make by the wizard, and what would be refused of it.
import type { Schemas } from '../lib/api';
import { PRESETS, weaknesses, type Phase1, type Phase2 } from '../lib/algorithms';
import { block, listed, wrongBlocks, wrongPeer } from '../lib/cidr';
import { judgeKey } from '../lib/psk';
import { store } from '../lib/store.svelte';

export type StepName = 'site' | 'peer' | 'networks' | 'algorithms' | 'review';

export const STEPS: [StepName, string][] = [
  ['site', 'Site'],
  ['peer', 'Peer'],
  ['networks', 'Networks'],
  ['algorithms', 'Algorithms'],
  ['review', 'Review'],
];

export class Plan {
  site = $state<'gateway' | 'subnet' | 'network'>('network');
  gateway = $state('');
  subnet = $state('');
  network = $state('');

  name = $state('');
  description = $state('');
  address = $state('');
  identity = $state('');
  psk = $state('');
  isGenerated = $state(false);
  initiator = $state('bi-directional');

  /** Typed; nothing is what the site has. */
  local = $state('');
  remote = $state('');
  /** Endpoint groups that are there; nothing is new ones, of what is chosen and typed. */
  localGroup = $state('');
  peerGroup = $state('');
  localSubnets = $state<string[]>([]);

  crypto = $state<'modern' | 'compatible' | 'custom'>('modern');
  ikePolicy = $state('');
  ipsecPolicy = $state('');
  ike = $state<Phase1>(structuredClone(PRESETS.compatible.ike));
  ipsec = $state<Phase2>(structuredClone(PRESETS.compatible.ipsec));

  /** Between what connections of the site are: its gateway has a subnet, has none, or leaves it to routes. */
  get ends(): 'blocks' | 'groups' | 'routes' {
    const gateway = this.site === 'gateway' ? store.gateways.find(this.gateway) : undefined;
    if (!gateway) return 'blocks';
    return gateway.mode === 'route' ? 'routes' : gateway.subnet ? 'blocks' : 'groups';
  }

  /** The subnets that the site's router is on. */
  get siteSubnets(): Schemas['SubnetShape'][] {
    if (this.site === 'network') return [];
    const router = this.site === 'subnet' ? store.subnets.find(this.subnet)?.router : store.gateways.find(this.gateway)?.router;
    return router ? store.subnets.items.filter((one) => one.router === router) : [];
  }

  /** Those that were chosen, as far as they are the site's: somebody may have gone back and taken another gateway. */
  get chosenSubnets(): string[] {
    const there = this.siteSubnets;
    return this.localSubnets.filter((id) => there.some((one) => one.id === id));
  }

  /** What is behind the site, if nothing is typed. */
  get siteCidrs(): string[] {
    if (this.site === 'network') return this.network ? [this.network.trim()] : [];
    const id = this.site === 'subnet' ? this.subnet : store.gateways.find(this.gateway)?.subnet;
    const cidr = store.subnets.find(id)?.cidr;
    return cidr ? [cidr] : [];
  }

  get localCidrs(): string[] {
    if (this.ends === 'routes') return [];
    if (this.ends === 'groups') {
      const chosen = this.localGroup ? (store.endpointGroups.find(this.localGroup)?.endpoints ?? []) : this.chosenSubnets;
      return chosen.flatMap((id) => store.subnets.find(id)?.cidr ?? []);
    }
    const typed = listed(this.local);
    return typed.length ? typed : this.siteCidrs;
  }

  get remoteCidrs(): string[] {
    if (this.ends === 'routes') return [];
    if (this.ends === 'groups' && this.peerGroup) return store.endpointGroups.find(this.peerGroup)?.endpoints ?? [];
    return listed(this.remote);
  }

  /** What is wrong, by what the service calls the field. */
  get wrong(): Record<string, string | undefined> {
    const network = this.network ? block(this.network.trim()) : undefined;
    return {
      network: this.site === 'network' && typeof network === 'string' ? network : undefined,
      address: wrongPeer(this.address.trim()),
      psk: judgeKey(this.psk).wrong,
      local: wrongBlocks(this.local),
      remote: wrongBlocks(this.remoteCidrs.join(' '), this.localCidrs) ?? this.#taken,
    };
  }

  /** A block that another connection of the same gateway leads to already. */
  get #taken(): string | undefined {
    if (this.site !== 'gateway' || !this.gateway) return undefined;
    const own = this.remoteCidrs;
    for (const one of store.connections.items) {
      if (one.gateway !== this.gateway) continue;
      const same = one.peer.cidrs.find((cidr) => own.includes(cidr));
      const alsoHere = one.local.cidrs.some((cidr) => this.localCidrs.includes(cidr));
      if (same && alsoHere) return `${same} is reached through the connection ${one.name} of this gateway already`;
    }
    return undefined;
  }

  get weak(): Record<string, string | undefined> {
    const algorithms = [
      ...weaknesses({ ...this.phase1, groups: this.phase1?.groups }),
      ...weaknesses({ ...this.phase2, groups: this.phase2?.pfs }),
    ];
    return { psk: judgeKey(this.psk).weak, algorithms: algorithms[0] && [...new Set(algorithms)].join('; ') };
  }

  /** The parameters of phase 1, where they are known here. */
  get phase1(): Phase1 | undefined {
    if (this.crypto !== 'custom') return PRESETS[this.crypto].ike;
    if (!this.ikePolicy) return this.ike;
    return store.ikePolicies.find(this.ikePolicy)?.parameters as Phase1 | undefined;
  }

  get phase2(): Phase2 | undefined {
    if (this.crypto !== 'custom') return PRESETS[this.crypto].ipsec;
    if (!this.ipsecPolicy) return this.ipsec;
    return store.ipsecPolicies.find(this.ipsecPolicy)?.parameters as Phase2 | undefined;
  }

  /** Why a step is not done yet. */
  missing(step: StepName): string | undefined {
    const { wrong } = this;
    switch (step) {
      case 'site':
        if (this.site === 'gateway') return this.gateway ? undefined : 'choose a gateway';
        if (this.site === 'subnet') return this.subnet ? undefined : 'choose a subnet';
        return wrong.network ?? (this.network.trim() ? undefined : 'say which addresses the new network has');
      case 'peer':
        if (!this.name.trim()) return 'the connection needs a name';
        if (!this.address.trim()) return 'say where the peer is';
        if (!this.psk) return 'type the pre-shared key, or have one made';
        return wrong.address ?? wrong.psk;
      case 'networks':
        if (this.ends === 'routes') return undefined;
        if (this.localCidrs.length === 0) return 'say which subnets are here';
        if (this.remoteCidrs.length === 0) return 'say which subnets are at the peer';
        return wrong.local ?? wrong.remote;
      case 'algorithms':
        return undefined;
      case 'review':
        return STEPS.map(([one]) => (one === 'review' ? undefined : this.missing(one))).find(Boolean);
    }
  }

  get body(): Schemas['NewConnectionShape'] {
    const policy = (chosen: string, made: Phase1 | Phase2) => (this.crypto === 'custom' && chosen ? { id: chosen } : { new: made });
    const { ike, ipsec } = this.crypto === 'custom' ? { ike: this.ike, ipsec: this.ipsec } : PRESETS[this.crypto];
    const gateway =
      this.site === 'gateway' ? { id: this.gateway } : this.site === 'subnet' ? { subnet: this.subnet } : { network: { cidr: this.network.trim() } };
    const group = (chosen: string, made: string[]) => ({ group: chosen ? { id: chosen } : { new: made } });
    const local =
      this.ends === 'groups' ? group(this.localGroup, this.chosenSubnets) : this.ends === 'blocks' && listed(this.local).length ? { cidrs: listed(this.local) } : undefined;
    const behind = this.ends === 'groups' ? group(this.peerGroup, this.remoteCidrs) : { cidrs: this.remoteCidrs };
    return {
      name: this.name.trim(),
      ...(this.description ? { description: this.description } : {}),
      gateway,
      ...(local ? { local } : {}),
      peer: { address: this.address.trim(), ...behind, ...(this.identity.trim() ? { identity: this.identity.trim() } : {}) },
      ...(this.initiator === 'bi-directional' ? {} : { initiator: this.initiator }),
      ike_policy: policy(this.ikePolicy, ike),
      ipsec_policy: policy(this.ipsecPolicy, ipsec),
      psk: this.psk,
    } as Schemas['NewConnectionShape'];
  }

  /** What will be made, in order. */
  get makes(): [what: string, name: string, detail: string][] {
    const name = this.name.trim();
    const made: [string, string, string][] = [];
    if (this.site === 'network') {
      made.push(['Router', name, 'a routing domain of its own']);
      made.push(['Network and subnet', name, this.network.trim()]);
    }
    if (this.site !== 'gateway') made.push(['VPN gateway', name, 'with a public address of its own']);
    const { crypto } = this;
    if (crypto !== 'custom' || !this.ikePolicy) made.push(['IKE policy', name, describe1(crypto === 'custom' ? this.ike : PRESETS[crypto].ike)]);
    if (crypto !== 'custom' || !this.ipsecPolicy) made.push(['IPsec policy', name, describe2(crypto === 'custom' ? this.ipsec : PRESETS[crypto].ipsec)]);
    if (this.ends === 'groups') {
      if (!this.localGroup) made.push(['Endpoint group here', name, this.localCidrs.join(', ')]);
      if (!this.peerGroup) made.push(['Endpoint group at the peer', name, this.remoteCidrs.join(', ')]);
    }
    const between = this.ends === 'routes' ? 'between what routes lead to' : `${this.localCidrs.join(', ')} ⇄ ${this.remoteCidrs.join(', ')}`;
    made.push(['IPsec site connection', name, `${between} by ${this.address.trim()}`]);
    return made;
  }

  get isTouched(): boolean {
    return Boolean(this.name || this.address || this.remote || this.psk);
  }
}

export const describe1 = (phase: Phase1) =>
  `IKE${phase.version}, ${phase.encryption.join('/')}, ${phase.authentication.join('/')}, groups ${phase.groups.join('/')}`;

export const describe2 = (phase: Phase2) =>
  `${phase.transform}, ${phase.encryption.join('/')}, ${phase.authentication.join('/')}, ${phase.pfs.length ? `PFS groups ${phase.pfs.join('/')}` : 'no PFS'}`;
