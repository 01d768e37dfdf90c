/** MessageView, of the vendor capability: what the sanitiser found in a mail's body. */
import { bool, list, num, object, orElse, str } from "../base/decode";
import { COFFERDAM, type Method } from "./call";
import { type AccountId, type EmailId, emailId } from "./id";

export interface MessageView {
  readonly id: EmailId;
  /** Content on other hosts that was not loaded. */
  readonly remote: { readonly count: number; readonly hosts: string[] };
  readonly isHtml: boolean;
}

export function messageViewGet(
  accountId: AccountId,
  ids: readonly EmailId[],
): Method<{ list: MessageView[] }> {
  return {
    name: "MessageView/get",
    args: { accountId, ids },
    using: [COFFERDAM],
    decode: object({
      list: list(
        object<MessageView>({
          id: emailId,
          remote: orElse(object({ count: orElse(num, 0), hosts: orElse(list(str), []) }), {
            count: 0,
            hosts: [],
          }),
          isHtml: orElse(bool, false),
        }),
      ),
    }),
  };
}
