/** Method calls, back references and answers (RFC 8620, sections 3.2 to 3.7). */
import { type Decoder, DecodeError, isRecord, str } from "../base/decode";
import { Trouble } from "../base/trouble";

/** A Ref stands for a part of an earlier call's answer (RFC 8620, section 3.7). */
export class Ref<T> {
  declare readonly type: T;
  constructor(
    readonly resultOf: string,
    readonly name: string,
    readonly path: string,
  ) {}
}

export type Args = Readonly<Record<string, unknown>>;

/** A Method is a call that is not yet part of a request. */
export interface Method<R> {
  readonly name: string;
  readonly args: Args;
  readonly decode: Decoder<R>;
  /** Capabilities that the request must name in `using` beside core (RFC 8620, section 3.3). */
  readonly using: readonly string[];
}

/** A Call is a method with its place in a request. */
export class Call<R> {
  constructor(
    readonly id: string,
    readonly method: Method<R>,
  ) {}

  /** ref points into this call's answer; path as in RFC 8620, section 3.7. */
  ref<T>(path: string): Ref<T> {
    return new Ref<T>(this.id, this.method.name, path);
  }
}

export const CORE = "urn:ietf:params:jmap:core";
export const MAIL = "urn:ietf:params:jmap:mail";
export const MDN = "urn:ietf:params:jmap:mdn";
export const SUBMISSION = "urn:ietf:params:jmap:submission";

/** COFFERDAM is the extension of ours: called by the URL of its documentation at this installation. */
export const COFFERDAM = extension(globalThis.location?.origin ?? "http://localhost");

/** extension is what an installation calls COFFERDAM. */
export function extension(origin: string): string {
  return `${origin}/docs/jmap-extension-1`;
}

function encodeArgs(args: Args): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(args)) {
    if (value === undefined) continue;
    if (value instanceof Ref)
      out[`#${key}`] = { resultOf: value.resultOf, name: value.name, path: value.path };
    else out[key] = value;
  }
  return out;
}

/** A Batch is one request: its calls run in order on the server, in one round trip. */
export class Batch {
  readonly calls: Call<unknown>[] = [];

  add<R>(method: Method<R>): Call<R> {
    const call = new Call(String(this.calls.length), method);
    this.calls.push(call);
    return call;
  }

  /** True if a call changes something, so that it must be heard even when the page goes away. */
  get writes(): boolean {
    return this.calls.some((c) => /\/(set|send)$/.test(c.method.name));
  }

  encode(): unknown {
    const using = new Set([CORE, ...this.calls.flatMap((c) => c.method.using)]);
    return {
      using: [...using],
      methodCalls: this.calls.map((c) => [c.method.name, encodeArgs(c.method.args), c.id]),
    };
  }
}

/** Method-level errors after which the same call may succeed later (RFC 8620, section 3.6.2). */
const temporary = new Set(["serverUnavailable", "serverFail", "rateLimit", "serverPartialFail"]);

export function methodTrouble(type: string, description: string): Trouble {
  if (temporary.has(type)) return new Trouble("unavailable", description || type, type);
  return new Trouble("refused", description || type, type);
}

type Answer = { readonly name: string; readonly args: unknown };

/** Answers gives each call its own answer, or throws the Trouble that the server named for it. */
export class Answers {
  private constructor(private readonly byCall: ReadonlyMap<string, readonly Answer[]>) {}

  static decode(body: unknown): Answers {
    if (!isRecord(body) || !Array.isArray(body["methodResponses"])) {
      throw new DecodeError("the answer has no methodResponses");
    }
    const byCall = new Map<string, Answer[]>();
    for (const response of body["methodResponses"] as unknown[]) {
      if (!Array.isArray(response)) throw new DecodeError("a method response is not an array");
      const id = str(response[2], "callId");
      const answer = { name: str(response[0], "name"), args: response[1] as unknown };
      byCall.set(id, [...(byCall.get(id) ?? []), answer]);
    }
    return new Answers(byCall);
  }

  /** of returns the call's answer. Implicit calls (onSuccess...) share the id but not the name. */
  of<R>(call: Call<R>): R {
    const answers = this.byCall.get(call.id) ?? [];
    const own = answers.find((a) => a.name === call.method.name);
    if (own) return call.method.decode(own.args, call.method.name);
    const error = answers.find((a) => a.name === "error");
    if (!error || !isRecord(error.args)) throw new DecodeError(`${call.method.name} was not answered`);
    const description = error.args["description"];
    throw methodTrouble(
      str(error.args["type"], "error/type"),
      typeof description === "string" ? description : "",
    );
  }

  /** maybe returns undefined where the server does not know the method or could not do it. */
  maybe<R>(call: Call<R>): R | undefined {
    try {
      return this.of(call);
    } catch (thrown) {
      if (thrown instanceof Trouble) return undefined;
      throw thrown;
    }
  }
}
