/** Faults of the person's sealed records, of the vendor capability. */
import { object } from "../base/decode";
import { COFFERDAM, type Method } from "./call";
import type { AccountId } from "./id";

/** faultAcknowledge takes the session's faults down: the person has seen them. */
export function faultAcknowledge(accountId: AccountId): Method<object> {
  return {
    name: "AccountFault/acknowledge",
    args: { accountId },
    using: [COFFERDAM],
    decode: object({}),
  };
}
