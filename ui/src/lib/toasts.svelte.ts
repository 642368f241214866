// What was done, said once at the edge; what was refused stays until it is closed.
import { refusal } from './api';

export interface Toast {
  key: number;
  text: string;
  detail?: string;
  isBad: boolean;
  undo?: () => void;
}

let shown = $state<Toast[]>([]);
let next = 0;

function add(toast: Omit<Toast, 'key'>) {
  const key = next++;
  shown = [...shown.slice(-3), { ...toast, key }];
  if (!toast.isBad) setTimeout(() => toasts.close(key), toast.undo ? 10_000 : 5000);
}

export const toasts = {
  get shown() {
    return shown;
  },
  done(text: string, undo?: () => void) {
    add({ text, isBad: false, ...(undo ? { undo } : {}) });
  },
  failed(what: string, error: unknown) {
    const { message, requestId } = refusal(error);
    add({ text: `${what}: ${message}`, isBad: true, ...(requestId ? { detail: `request ${requestId}` } : {}) });
  },
  close(key: number) {
    shown = shown.filter((toast) => toast.key !== key);
  },
};
