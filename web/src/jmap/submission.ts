/** EmailSubmission (RFC 8621, section 7). */
import { dict, object, orElse } from "../base/decode";
import { type Method, MAIL, SUBMISSION } from "./call";
import type { EmailPatch } from "./email";
import { type AccountId, type IdentityId, type SubmissionId, submissionId } from "./id";
import { notDone, type SetError } from "./mailbox";

export interface SubmissionSetAnswer {
  readonly created: Record<string, { readonly id: SubmissionId }>;
  readonly notCreated: Record<string, SetError>;
}

/** The creation id under which send creates its submission. */
export const SUBMISSION_KEY = "send";

/**
 * submitEmail sends one Email and, if the server took it, patches it (RFC 8621, section 7.5,
 * onSuccessUpdateEmail). emailId may be a creation id of the same request, written "#draft".
 */
export function submitEmail(
  accountId: AccountId,
  identityId: IdentityId,
  emailId: string,
  onSuccess: EmailPatch,
): Method<SubmissionSetAnswer> {
  return {
    name: "EmailSubmission/set",
    args: {
      accountId,
      create: { [SUBMISSION_KEY]: { identityId, emailId } },
      onSuccessUpdateEmail: { [`#${SUBMISSION_KEY}`]: onSuccess },
    },
    using: [MAIL, SUBMISSION],
    decode: object({
      created: orElse(dict(object({ id: submissionId })), {}),
      notCreated: notDone,
    }),
  };
}
