/** Thread (RFC 8621, section 3). */
import { list, object } from "../base/decode";
import { MAIL, type Method, type Ref } from "./call";
import { type AccountId, type EmailId, emailId, type State, state, type ThreadId, threadId } from "./id";

export interface Thread {
  readonly id: ThreadId;
  /** Oldest first (RFC 8621, section 3). */
  readonly emailIds: EmailId[];
}

/** threadGet (RFC 8621, section 3.1). */
export function threadGet(
  accountId: AccountId,
  ids: readonly ThreadId[] | Ref<readonly ThreadId[]>,
): Method<{ state: State; list: Thread[] }> {
  return {
    name: "Thread/get",
    args: { accountId, ids },
    using: [MAIL],
    decode: object({ state, list: list(object<Thread>({ id: threadId, emailIds: list(emailId) })) }),
  };
}
