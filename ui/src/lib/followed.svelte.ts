// What is read of one thing, and read again with each event of it.
import { refusal, type Refused } from './api';
import { stream } from './store.svelte';

export class Followed<T> {
  items = $state.raw<T[]>([]);
  problem = $state.raw<Refused | null>(null);
  isRead = $state(false);
  newest = $derived(this.items.toReversed());
  #load: () => Promise<T[]>;

  constructor(load: () => Promise<T[]>) {
    this.#load = load;
  }

  read = async () => {
    try {
      this.items = await this.#load();
      this.problem = null;
    } catch (error) {
      this.problem = refusal(error);
    }
    this.isRead = true;
  };

  /** Begins; what is answered ends it. */
  of(id: string) {
    void this.read();
    return stream.listen((event) => {
      if (event.id === id) void this.read();
    });
  }
}
