import { api } from "../api/client.ts";
import type { Usage as UsageAnswer } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { bytes, number } from "../state/text.ts";
import { Await, Bar, Head } from "../ui/parts.tsx";

export function Usage() {
  const usage = useLoad((signal) => api.get<UsageAnswer>("/v1/usage", signal), []);
  return (
    <>
      <Head title="Usage">What this workspace holds and has used, beside its quotas.</Head>
      <Await of={usage}>
        {(data) => (
          <>
            <div class="meters">
              <Meter title="Images" of={data.images} say={number} />
              <Meter title="Storage" of={data.bytes} say={bytes} />
              <Meter
                title="Training minutes"
                of={data.training_minutes}
                say={(minutes) => minutes.toFixed(1)}
              />
              <Meter title="Predictions" of={data.predictions} say={number} />
            </div>
            <p class="muted small">
              Training minutes and predictions are counted from {day(data.period.start)} to{" "}
              {day(data.period.end)}.
            </p>
          </>
        )}
      </Await>
    </>
  );
}

const day = (iso: string): string =>
  new Date(iso).toLocaleDateString("en", { dateStyle: "medium", timeZone: "UTC" });

function Meter({
  title,
  of,
  say,
}: {
  title: string;
  of: { used: number; limit: number | null };
  say: (value: number) => string;
}) {
  const share = of.limit === null || of.limit === 0 ? 0 : Math.min(1, of.used / of.limit);
  return (
    <section class="card stack-s">
      <h2>{title}</h2>
      <p class="meter nums">
        <b>{say(of.used)}</b>{" "}
        <span class="muted">{of.limit === null ? "no bound" : `of ${say(of.limit)}`}</span>
      </p>
      {of.limit !== null && <Bar share={share} label={title} bad={share > 0.9} />}
    </section>
  );
}
