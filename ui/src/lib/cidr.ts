// Blocks of addresses, so that what the service would refuse is said while it is typed. The service has the last word.

export interface Block {
  text: string;
  version: 4 | 6;
  from: bigint;
  length: number;
}

function v4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function v6(text: string): bigint | null {
  if (!/^[0-9a-f:.]+$/i.test(text) || (text.match(/::/g) ?? []).length > 1) return null;
  const [head = '', tail] = text.split('::');
  const side = (part: string) => (part === '' ? [] : part.split(':'));
  const words = [...side(head), ...(tail === undefined ? [] : side(tail))];
  if (words.some((word) => !/^[0-9a-f]{1,4}$/i.test(word))) return null;
  const missing = 8 - words.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const whole = tail === undefined ? words : [...side(head), ...Array<string>(missing).fill('0'), ...side(tail)];
  return whole.reduce((value, word) => (value << 16n) | BigInt(parseInt(word, 16)), 0n);
}

/** An address, as a block of its own length. */
export function address(text: string): Block | null {
  const four = v4(text);
  if (four !== null) return { text, version: 4, from: four, length: 32 };
  const six = text.includes(':') ? v6(text) : null;
  return six === null ? null : { text, version: 6, from: six, length: 128 };
}

/** A block; what is wrong with it, else. */
export function block(text: string): Block | string {
  const [base = '', length, more] = text.split('/');
  const host = address(base);
  if (!host) return `${text || 'an empty text'} is no block such as 192.168.1.0/24`;
  if (length === undefined || more !== undefined) return `${text} needs a prefix length, such as ${base}/24`;
  if (!/^\d{1,3}$/.test(length) || Number(length) > host.length) return `${text}: the prefix length is 0 to ${host.length}`;
  const bits = BigInt(host.length - Number(length));
  if ((host.from >> bits) << bits !== host.from) return `${text} has bits behind its prefix length`;
  return { ...host, text, length: Number(length) };
}

const width = (one: Block) => (one.version === 4 ? 32 : 128);

export function contains(outer: Block, inner: Block): boolean {
  if (outer.version !== inner.version || outer.length > inner.length) return false;
  const shift = BigInt(width(outer) - outer.length);
  return outer.from >> shift === inner.from >> shift;
}

export const overlaps = (one: Block, other: Block) => contains(one, other) || contains(other, one);

/** The texts of a list that was typed with commas, spaces or line ends. */
export const listed = (text: string) => text.split(/[\s,;]+/).filter(Boolean);

/** What is wrong with a list of blocks, and with it beside others. */
export function wrongBlocks(text: string, others: string[] = [], what = 'the subnets here'): string | undefined {
  const texts = listed(text);
  const read = texts.map(block);
  const wrong = read.find((one) => typeof one === 'string');
  if (typeof wrong === 'string') return wrong;
  const blocks = read as Block[];
  for (const [at, one] of blocks.entries()) {
    const twice = blocks.slice(at + 1).find((other) => overlaps(one, other));
    if (twice) return `${one.text} and ${twice.text} overlap`;
    for (const other of others) {
      const known = block(other);
      if (typeof known !== 'string' && overlaps(one, known)) return `${one.text} overlaps ${other}, which is one of ${what}`;
    }
  }
  return undefined;
}

/** What is wrong with a peer's address. */
export function wrongPeer(text: string): string | undefined {
  if (!text || address(text)) return undefined;
  if (/^[\d.]+$/.test(text)) return `${text} is no address such as 203.0.113.50`;
  const isName = text.length <= 253 && text.split('.').every((part) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(part));
  return isName ? undefined : `${text} is neither an address nor a host’s name`;
}
