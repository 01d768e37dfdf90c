import type { Address } from "../jmap/email";
import { initials, tint } from "../mail/people";

/** Quiet background tints; as many as tokens.css defines. */
const TINTS = 8;

export function Avatar({ of, size }: { readonly of: Address | undefined; readonly size: "s" | "m" | "l" }) {
  const address = of ?? { name: "?", email: "" };
  return (
    <span class={`avatar avatar-${size} tint-${tint(address.email, TINTS)}`} aria-hidden="true">
      {initials(address)}
    </span>
  );
}
