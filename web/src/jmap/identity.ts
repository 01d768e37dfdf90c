/** Identity (RFC 8621, section 6). */
import { list, object, orElse, str } from "../base/decode";
import { type Method, SUBMISSION } from "./call";
import { type AccountId, type IdentityId, identityId } from "./id";

export interface Identity {
  readonly id: IdentityId;
  readonly name: string;
  /** An address, or `*@example.org` for any address of a domain. */
  readonly email: string;
  readonly textSignature: string;
}

/** identityGet fetches all identities (RFC 8621, section 6.1). */
export function identityGet(accountId: AccountId): Method<{ list: Identity[] }> {
  return {
    name: "Identity/get",
    args: { accountId, ids: null },
    using: [SUBMISSION],
    decode: object({
      list: list(
        object<Identity>({
          id: identityId,
          name: orElse(str, ""),
          email: str,
          textSignature: orElse(str, ""),
        }),
      ),
    }),
  };
}
