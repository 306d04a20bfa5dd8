import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

/**
 * Traces, in OpenTelemetry's words. Without an exporter (main/shared/tracing.ts) every call here does next to nothing. No
 * attribute may carry an image, a mask, a key or anything else that a caller wrote.
 */
const tracer = trace.getTracer("maskwright");

export type { Attributes, Span };

/** Runs `work` as one span of the running trace, or of a new one. What it throws is told on the span and thrown on. */
export async function inSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
  kind: "internal" | "server" | "consumer" = "internal",
): Promise<T> {
  const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, consumer: SpanKind.CONSUMER };
  return tracer.startActiveSpan(name, { attributes, kind: kinds[kind] }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      // The error's class only: messages may name what a caller sent.
      const message = error instanceof Error ? error.name : "an error";
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Marks a moment in the running span. */
export const tellSpan = (event: string): void => void trace.getActiveSpan()?.addEvent(event);

/** Ids of the running span, where it is recorded: for log lines. */
export function spanIds(): { trace_id: string; span_id: string } | undefined {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return undefined;
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}

/** The running span as W3C's `traceparent`, to go on from in another process; null where nothing is recorded. */
export function traceParent(): string | null {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? null;
}

/** Runs `work` as a part of the trace that a `traceparent` names; one that is missing or malformed starts a new trace. */
export const inTraceOf = <T>(parent: string | null | undefined, work: () => T): T =>
  context.with(propagation.extract(ROOT_CONTEXT, parent ? { traceparent: parent } : {}), work);
