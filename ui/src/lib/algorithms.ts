// Algorithms: how the service writes them, how OpenStack's dashboard does, and which of them are weak.

/** What seed forms of VPNaaS offer, as they write it; the first is the service's own advice. */
export const ENCRYPTIONS: [string, string][] = [
  ['aes128', 'aes-128'],
  ['aes192', 'aes-192'],
  ['aes256', 'aes-256'],
  ['aes128gcm16', 'aes-128-gcm-16'],
  ['aes192gcm16', 'aes-192-gcm-16'],
  ['aes256gcm16', 'aes-256-gcm-16'],
  ['chacha20poly1305', 'chacha20-poly1305'],
  ['3des', '3des'],
];

export const HASHES = ['sha1', 'sha256', 'sha384', 'sha512'];

export const GROUPS: [number, string][] = [
  [2, 'group2'],
  [5, 'group5'],
  [14, 'group14'],
  [15, 'group15'],
  [16, 'group16'],
  [19, 'group19'],
  [20, 'group20'],
  [21, 'group21'],
  [31, 'group31'],
];

const WHAT: Record<number, string> = {
  1: '768-bit MODP',
  2: '1024-bit MODP',
  5: '1536-bit MODP',
  14: '2048-bit MODP',
  15: '3072-bit MODP',
  16: '4096-bit MODP',
  17: '6144-bit MODP',
  18: '8192-bit MODP',
  19: 'NIST P-256',
  20: 'NIST P-384',
  21: 'NIST P-521',
  31: 'Curve25519',
};

export const groupTitle = (group: number) => (WHAT[group] ? `group${group} (${WHAT[group]})` : `group${group}`);

export const encryptionTitle = (name: string) => ENCRYPTIONS.find(([own]) => own === name)?.[1] ?? name;

const WEAK_CIPHERS = ['3des', 'des'];
const WEAK_HASHES = ['md5', 'sha1'];
const WEAK_GROUPS = [1, 2, 5, 22, 23, 24];

/** What of a choice is weak, each as half a sentence. */
export function weaknesses(chosen: { encryption?: string[]; authentication?: string[]; groups?: number[] }): string[] {
  const said: string[] = [];
  for (const one of chosen.encryption ?? []) if (WEAK_CIPHERS.includes(one)) said.push(`${one} is a weak cipher: take AES`);
  for (const one of chosen.authentication ?? []) if (WEAK_HASHES.includes(one)) said.push(`${one} is a weak hash: take SHA-256 or better`);
  for (const one of chosen.groups ?? []) if (WEAK_GROUPS.includes(one)) said.push(`group${one} is too small: take group14 or above`);
  return said;
}

export interface Phase1 {
  version: 'v1' | 'v2';
  encryption: string[];
  authentication: string[];
  groups: number[];
  lifetime_s: number;
}

export interface Phase2 {
  transform: 'esp' | 'ah';
  encapsulation: 'tunnel' | 'transport';
  encryption: string[];
  authentication: string[];
  pfs: number[];
  lifetime_s: number;
}

/** What the wizard offers. */
export const PRESETS: Record<'modern' | 'compatible', { title: string; text: string; ike: Phase1; ipsec: Phase2 }> = {
  modern: {
    title: 'Modern',
    text: 'IKEv2, AES-256-GCM, SHA-384, P-384 or Curve25519, forward secrecy',
    ike: { version: 'v2', encryption: ['aes256gcm16'], authentication: ['sha384', 'sha256'], groups: [20, 31, 19], lifetime_s: 36000 },
    ipsec: {
      transform: 'esp',
      encapsulation: 'tunnel',
      encryption: ['aes256gcm16'],
      authentication: ['sha256'],
      pfs: [20, 31, 19],
      lifetime_s: 10800,
    },
  },
  compatible: {
    title: 'Compatible',
    text: 'IKEv2, AES-256-CBC, SHA-256, group 14: what nearly every appliance has',
    ike: { version: 'v2', encryption: ['aes256'], authentication: ['sha256'], groups: [14], lifetime_s: 28800 },
    ipsec: {
      transform: 'esp',
      encapsulation: 'tunnel',
      encryption: ['aes256'],
      authentication: ['sha256'],
      pfs: [14],
      lifetime_s: 3600,
    },
  },
};
