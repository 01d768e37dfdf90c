/** The session object (RFC 8620, section 2). */
import {
  type Decoder,
  DecodeError,
  dict,
  isRecord,
  list,
  num,
  object,
  orElse,
  str,
  anything,
} from "../base/decode";
import { type AccountId, accountId } from "./id";
import { COFFERDAM, CORE, MAIL, MDN, SUBMISSION } from "./call";
import { undoSend, type UndoSend } from "./undosend";

/** Limits the client must keep (RFC 8620, section 2, urn:ietf:params:jmap:core). */
export interface CoreLimits {
  /** Bytes. */
  readonly maxSizeUpload: number;
  readonly maxObjectsInGet: number;
  readonly maxObjectsInSet: number;
}

export interface JmapSession {
  readonly account: AccountId;
  readonly username: string;
  readonly apiUrl: string;
  readonly downloadUrl: string;
  readonly uploadUrl: string;
  readonly eventSourceUrl: string;
  readonly limits: CoreLimits;
  readonly hasVendor: boolean;
  /** Seconds that a mail may wait before it is sent (RFC 8621, section 1.3.2); 0: none. */
  readonly maxDelayedSend: number;
  /** For how long a sent mail can be taken back; undefined: the server keeps no choice. */
  readonly undoSend: UndoSend | undefined;
  /** Receipts can be sent (RFC 9007). */
  readonly sendsReceipts: boolean;
  /** What was found wrong with the person's sealed records, until they have seen it. */
  readonly faults: readonly Fault[];
}

/** A fault of sealed records, of the vendor capability. */
export interface Fault {
  /** UTC, RFC 3339. */
  readonly found: string;
}

const limits = object<CoreLimits>({
  maxSizeUpload: orElse(num, 50_000_000),
  maxObjectsInGet: orElse(num, 500),
  maxObjectsInSet: orElse(num, 500),
});

const vendorAccount = object<{ faults: Fault[]; undoSend: UndoSend | undefined }>({
  undoSend: orElse<UndoSend | undefined>(undoSend, undefined),
  faults: orElse(list(object<Fault>({ found: orElse(str, "") })), []),
});

const wireAccount = object<{ accountCapabilities: Record<string, unknown> }>({
  accountCapabilities: orElse(dict(anything), {}),
});

interface Wire {
  capabilities: Record<string, unknown>;
  accounts: Record<string, { accountCapabilities: Record<string, unknown> }>;
  primaryAccounts: Record<string, string>;
  username: string;
  apiUrl: string;
  downloadUrl: string;
  uploadUrl: string;
  eventSourceUrl: string;
}

const submissionCapability = object({ maxDelayedSend: orElse(num, 0) });

const wire = object<Wire>({
  capabilities: dict(anything),
  accounts: orElse(dict(wireAccount), {}),
  primaryAccounts: dict(str),
  username: orElse(str, ""),
  apiUrl: str,
  downloadUrl: str,
  uploadUrl: str,
  eventSourceUrl: str,
});

/** sameOrigin keeps the path alone: everything of ours is on the page's own origin. */
function sameOrigin(url: string): string {
  return url.replace(/^https?:\/\/[^/]+/i, "");
}

export const jmapSession: Decoder<JmapSession> = (v, at) => {
  const w = wire(v, at);
  const account = w.primaryAccounts[MAIL];
  if (account === undefined) throw new DecodeError("the session has no mail account");
  const core = w.capabilities[CORE];
  const vendor = w.accounts[account]?.accountCapabilities[COFFERDAM];
  const submission = w.accounts[account]?.accountCapabilities[SUBMISSION];
  const own = isRecord(vendor) ? vendorAccount(vendor, "vendor") : undefined;
  return {
    account: accountId(account, "primaryAccounts"),
    username: w.username,
    apiUrl: sameOrigin(w.apiUrl),
    downloadUrl: sameOrigin(w.downloadUrl),
    uploadUrl: sameOrigin(w.uploadUrl),
    eventSourceUrl: sameOrigin(w.eventSourceUrl),
    limits: limits(isRecord(core) ? core : {}, "core"),
    hasVendor: COFFERDAM in w.capabilities,
    faults: own?.faults ?? [],
    undoSend: own?.undoSend,
    sendsReceipts: MDN in (w.accounts[account]?.accountCapabilities ?? {}),
    maxDelayedSend: isRecord(submission) ? submissionCapability(submission, "submission").maxDelayedSend : 0,
  };
};

/** expandUrl fills a URI template of level 1 (RFC 6570), the only level that JMAP uses. */
export function expandUrl(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

/** A push message (RFC 8620, section 7.1): per account, the new state of each changed type. */
export const stateChange: Decoder<{ changed: Record<string, Record<string, string>> }> = object({
  changed: dict(dict(str)),
});
