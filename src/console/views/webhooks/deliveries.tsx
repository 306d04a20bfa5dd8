import { api } from "../../api/client.ts";
import type { Delivery, Page } from "../../api/types.ts";
import { useLoad } from "../../state/load.ts";
import { ago } from "../../state/text.ts";
import { attempt } from "../../state/toasts.ts";
import { Await, Button } from "../../ui/parts.tsx";
import { Table } from "../../ui/table.tsx";

const kinds = { queued: "info", delivered: "good", failed: "bad" };

/** The last messages to one webhook, each with what came of it. */
export function Deliveries({ path }: { path: string }) {
  const deliveries = useLoad(
    (signal) => api.get<Page<Delivery>>(`${path}/deliveries?limit=10`, signal),
    [path],
  );
  const replay = (id: string): Promise<boolean> =>
    attempt(async () => {
      await api.post(`${path}/deliveries/${id}/replay`);
      deliveries.reload();
    }, "On its way once more.");
  return (
    <details>
      <summary class="small">Last messages</summary>
      <Await of={deliveries}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="muted small">None was sent yet.</p>
          ) : (
            <Table label="Last messages">
              {data.map((delivery) => (
                <tr key={delivery.id}>
                  <td class="mono small">{delivery.event}</td>
                  <td>
                    <span class={`badge ${kinds[delivery.status]}`}>{delivery.status}</span>
                  </td>
                  <td class="small">{outcome(delivery)}</td>
                  <td class="muted small">{ago(delivery.created_at)}</td>
                  <td>
                    <Button onClick={() => replay(delivery.id)}>Send again</Button>
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Await>
      <Button kind="quiet" onClick={deliveries.reload}>
        Look again
      </Button>
    </details>
  );
}

function outcome({ attempts }: Delivery): string {
  const last = attempts.at(-1);
  if (!last) return "";
  return last.status === null ? (last.error ?? "no answer") : `${last.status} in ${last.ms} ms`;
}
