/** Connection carries batches, uploads and tickets for one session; it holds no mail. */
import { num, object, orElse } from "../base/decode";
import { Trouble } from "../base/trouble";
import { Answers, Batch, type Method } from "./call";
import { http, postJson, troubleOf } from "./http";
import { type BlobId, blobId, type EmailId } from "./id";
import { expandUrl, jmapSession, type JmapSession } from "./session";
import { tickets, type Tickets } from "./gate";

export interface Uploaded {
  readonly blobId: BlobId;
  readonly size: number;
}

const uploaded = object<Uploaded>({ blobId, size: orElse(num, 0) });

/**
 * Renew is called on a 401 and resolves when the same person has signed in again; the request is then
 * sent once more. A 401 means that nothing of it was done, so that repeating is safe for every call.
 */
export type Renew = () => Promise<void>;

export class Connection {
  constructor(
    readonly session: JmapSession,
    private readonly renew: Renew,
  ) {}

  static async open(renew: Renew): Promise<Connection> {
    return new Connection(jmapSession(await http("/jmap/session"), "session"), renew);
  }

  private async signedIn<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof Trouble) || thrown.kind !== "signedOut") throw thrown;
    }
    await this.renew();
    return attempt();
  }

  async send(batch: Batch, signal?: AbortSignal): Promise<Answers> {
    const body = batch.encode();
    const send = () => postJson(this.session.apiUrl, body, { signal, outlives: batch.writes });
    return Answers.decode(await this.signedIn(send));
  }

  /** call sends one method alone. */
  async call<R>(method: Method<R>): Promise<R> {
    const batch = new Batch();
    const call = batch.add(method);
    return (await this.send(batch)).of(call);
  }

  tickets(ids: readonly EmailId[]): Promise<Tickets> {
    return this.signedIn(async () =>
      tickets(await postJson("/api/tickets", { purpose: "body", ids }), "tickets"),
    );
  }

  downloadUrl(blob: BlobId, name: string, type: string): string {
    return expandUrl(this.session.downloadUrl, {
      accountId: this.session.account,
      blobId: blob,
      name: name || "attachment",
      type: type || "application/octet-stream",
    });
  }

  /** upload sends a file (RFC 8620, section 6.1); progress runs from 0 to 1. */
  upload(file: Blob, progress: (done: number) => void, signal: AbortSignal): Promise<Uploaded> {
    const url = expandUrl(this.session.uploadUrl, { accountId: this.session.account });
    return this.signedIn(() => uploadOnce(url, file, progress, signal));
  }
}

/** fetch reports no upload progress, so uploads are the one place that uses XMLHttpRequest. */
function uploadOnce(
  url: string,
  file: Blob,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort);
    xhr.open("POST", url);
    xhr.responseType = "json";
    xhr.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    xhr.upload.onprogress = (e) => progress(e.lengthComputable ? e.loaded / e.total : 0);
    xhr.onabort = () => reject(new Trouble("aborted", "upload cancelled"));
    xhr.onerror = () => reject(new Trouble("offline", "the upload did not reach the server"));
    xhr.onloadend = () => signal.removeEventListener("abort", abort);
    xhr.onload = () => {
      if (xhr.status < 200 || xhr.status > 299) return reject(troubleOf(xhr.status, xhr.response));
      try {
        resolve(uploaded(xhr.response, "upload"));
      } catch (thrown) {
        reject(thrown instanceof Error ? thrown : new Error("upload"));
      }
    };
    xhr.send(file);
  });
}
