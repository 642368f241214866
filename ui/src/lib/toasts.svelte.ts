// What was done, said once at the edge; what was refused stays until it is closed.
import { refusal } from './api';

export interface Toast {
  key: number;
  text: string;
  detail?: string;
  isBad: boolean;
}

let shown = $state<Toast[]>([]);
let next = 0;

function add(toast: Omit<Toast, 'key'>) {
  const key = next++;
  shown = [...shown.slice(-3), { ...toast, key }];
  if (!toast.isBad) setTimeout(() => toasts.close(key), 5000);
}

export const toasts = {
  get shown() {
    return shown;
  },
  done(text: string) {
    add({ text, isBad: false });
  },
  failed(what: string, error: unknown) {
    const { message, requestId } = refusal(error);
    add({ text: `${what}: ${message}`, isBad: true, ...(requestId ? { detail: `request ${requestId}` } : {}) });
  },
  close(key: number) {
    shown = shown.filter((toast) => toast.key !== key);
  },
};
