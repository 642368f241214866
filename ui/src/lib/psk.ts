// Pre-shared keys: made of the browser's randomness, and how good one that was typed can be at best.

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** 32 letters of 57, without those that look alike: more than 186 bits. */
export function makeKey(): string {
  const made: string[] = [];
  while (made.length < 32) {
    for (const octet of crypto.getRandomValues(new Uint8Array(64))) {
      // Each letter is as likely as any other.
      if (octet < 228 && made.length < 32) made.push(LETTERS.charAt(octet % LETTERS.length));
    }
  }
  return made.join('');
}

/** What is wrong with a key, or weak about it. */
export function judgeKey(key: string): { wrong?: string; weak?: string } {
  if (!key) return {};
  const octets = new TextEncoder().encode(key).length;
  if (octets > 255) return { wrong: 'a pre-shared key has at most 255 octets' };
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(key)).length;
  const distinct = new Set(key).size;
  if (key.length < 16) return { weak: 'shorter than 16 letters: who records the exchange can guess it offline' };
  if (kinds < 2 || distinct < 8) return { weak: 'it repeats itself: take one that is made up' };
  return {};
}
