// What the two phases' policies have in common on the page, and what not.
import type { Schemas } from '../lib/api';
import { store, type List } from '../lib/store.svelte';

export type Phase = 'ike-policies' | 'ipsec-policies';

/** A policy of either phase. */
export interface Policy {
  id: string;
  name: string;
  description: string;
  revision: number;
  connections: string[];
  parameters: {
    encryption: string[];
    authentication?: string[];
    lifetime_s?: number;
    version?: string;
    groups?: number[];
    transform?: string;
    encapsulation?: string;
    pfs?: number[];
  };
}

export interface Kind {
  path: Phase;
  isIke: boolean;
  one: string;
  plural: string;
  about: string;
  list: () => List<Schemas['PolicyShape_IkeShape']> | List<Schemas['PolicyShape_IpsecShape']>;
}

export const phases: Record<Phase, Kind> = {
  'ike-policies': {
    path: 'ike-policies',
    isIke: true,
    one: 'IKE policy',
    plural: 'IKE policies',
    about: 'An IKE policy says how both ends agree on keys and show who they are: version, algorithms, how long keys live (phase 1).',
    list: () => store.ikePolicies,
  },
  'ipsec-policies': {
    path: 'ipsec-policies',
    isIke: false,
    one: 'IPsec policy',
    plural: 'IPsec policies',
    about: 'An IPsec policy says how packets are protected: transform, algorithms, forward secrecy (phase 2).',
    list: () => store.ipsecPolicies,
  },
};
