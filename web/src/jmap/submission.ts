/** EmailSubmission (RFC 8621, section 7). */
import { type Decoder, dict, isRecord, list, object, orElse, str } from "../base/decode";
import { type Method, MAIL, SUBMISSION } from "./call";
import type { EmailPatch } from "./email";
import {
  type AccountId,
  type EmailId,
  emailId,
  type IdentityId,
  type State,
  state,
  type SubmissionId,
  submissionId,
} from "./id";
import { notDone, type SetError } from "./mailbox";

export interface SubmissionSetAnswer {
  readonly created: Record<string, { readonly id: SubmissionId }>;
  readonly notCreated: Record<string, SetError>;
}

/** The creation id under which send creates its submission. */
export const SUBMISSION_KEY = "send";

/** Envelope is what SMTP is told; without one the server makes it of the mail. */
export interface Envelope {
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  /** Seconds for which the server holds the mail before it goes out (HOLDFOR, RFC 4865). */
  readonly holdFor: number;
}

function encodeEnvelope(e: Envelope): unknown {
  return {
    mailFrom: { email: e.mailFrom, parameters: { HOLDFOR: String(e.holdFor) } },
    rcptTo: e.rcptTo.map((email) => ({ email })),
  };
}

/**
 * submitEmail sends one Email and, if the server took it, patches it (RFC 8621, section 7.5,
 * onSuccessUpdateEmail). emailId may be a creation id of the same request, written "#draft".
 */
export function submitEmail(
  accountId: AccountId,
  identityId: IdentityId,
  emailId: string,
  onSuccess: EmailPatch,
  envelope?: Envelope,
): Method<SubmissionSetAnswer> {
  const submission = { identityId, emailId, ...(envelope ? { envelope: encodeEnvelope(envelope) } : {}) };
  return {
    name: "EmailSubmission/set",
    args: {
      accountId,
      create: { [SUBMISSION_KEY]: submission },
      onSuccessUpdateEmail: { [`#${SUBMISSION_KEY}`]: onSuccess },
    },
    using: [MAIL, SUBMISSION],
    decode: object({
      created: orElse(dict(object({ id: submissionId })), {}),
      notCreated: notDone,
    }),
  };
}

/** undoSubmission takes a mail back that is not out yet, and patches its Email if that worked. */
export function undoSubmission(
  accountId: AccountId,
  id: SubmissionId,
  onSuccess: EmailPatch,
): Method<{ readonly notUpdated: Record<string, SetError> }> {
  return {
    name: "EmailSubmission/set",
    args: {
      accountId,
      update: { [id]: { undoStatus: "canceled" } },
      onSuccessUpdateEmail: { [id]: onSuccess },
    },
    using: [MAIL, SUBMISSION],
    decode: object({ notUpdated: notDone }),
  };
}

/** dropSubmission forgets a submission; that is no word to the mail server. */
export function dropSubmission(
  accountId: AccountId,
  id: SubmissionId,
): Method<{ readonly notDestroyed: Record<string, SetError> }> {
  return {
    name: "EmailSubmission/set",
    args: { accountId, destroy: [id] },
    using: [MAIL, SUBMISSION],
    decode: object({ notDestroyed: notDone }),
  };
}

export interface DeliveryStatus {
  readonly smtpReply: string;
  readonly delivered: string;
  readonly displayed: string;
}

export interface Submission {
  readonly id: SubmissionId;
  readonly emailId: EmailId;
  readonly undoStatus: string;
  /** By recipient. */
  readonly deliveryStatus: Readonly<Record<string, DeliveryStatus>>;
  /** Notifications that came of it: the person has them in the inbox. */
  readonly dsnBlobIds: readonly string[];
  /** It waited before it went out, so that nobody saw the outcome. */
  readonly held: boolean;
}

/** An envelope asks to be held by a parameter of MAIL FROM. */
const held: Decoder<boolean> = (v) => {
  const from = isRecord(v) ? v["mailFrom"] : undefined;
  const parameters = isRecord(from) ? from["parameters"] : undefined;
  return isRecord(parameters) && Object.keys(parameters).some((name) => /^hold(for|until)$/i.test(name));
};

const submission: Decoder<Submission> = (v, at) => ({
  ...object<Omit<Submission, "held">>({
    id: submissionId,
    emailId,
    undoStatus: str,
    dsnBlobIds: orElse(list(str), []),
    deliveryStatus: orElse(
      dict(object<DeliveryStatus>({ smtpReply: str, delivered: str, displayed: orElse(str, "unknown") })),
      {},
    ),
  })(v, at),
  held: held(isRecord(v) ? v["envelope"] : undefined, at),
});

/** submissionGet fetches all submissions that the server remembers, newest first. */
export function submissionGet(
  accountId: AccountId,
): Method<{ readonly state: State; readonly list: readonly Submission[] }> {
  return {
    name: "EmailSubmission/get",
    args: {
      accountId,
      ids: null,
      properties: ["id", "emailId", "undoStatus", "deliveryStatus", "dsnBlobIds", "envelope"],
    },
    using: [MAIL, SUBMISSION],
    decode: object({ state, list: list(submission) }),
  };
}
