/** listen adds an event listener and returns its removal, so that a clean-up reads as one word. */
export function listen<K extends keyof WindowEventMap>(
  target: Window,
  type: K,
  handler: (event: WindowEventMap[K]) => void,
): () => void;
export function listen(target: EventTarget, type: string, handler: (event: Event) => void): () => void;
export function listen(target: EventTarget, type: string, handler: (event: never) => void): () => void {
  const h = handler as EventListener; // the overloads above pair each type with its event
  target.addEventListener(type, h);
  return () => target.removeEventListener(type, h);
}
