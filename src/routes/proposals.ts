import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { acceptProposal, decideProposals, rejectProposal } from "../actions/decide-proposals.ts";
import { maxPageBytes } from "../db/queries/page.ts";
import {
  planProposals,
  type Proposal,
  type ProposalOrder,
  type ProposalPage,
  readProposals,
} from "../db/queries/proposals.ts";
import type { Env, RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { copiesOfText, decodeCursor, pageBodyBy, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import {
  askOf,
  idText,
  json,
  jsonBody,
  projectOf,
  projectParams,
  proposalParams,
  scopeOf,
  text,
} from "./http/scope.ts";
import { answerLate, LateValues, sendLate, textWriter } from "./http/stream-json.ts";
import { limitBody, maxMaskBody } from "./http/upload.ts";
import { maskErrors } from "./wire/mask.ts";
import {
  acceptBody,
  decisionsBody,
  decisionsSchema,
  proposalSchema,
  proposalStatus,
  toDecisions,
  toProposal,
} from "./wire/proposal.ts";

const tags = ["auto-label"];

const listQuery = pageQuery.extend({
  status: proposalStatus.optional(),
  image_id: idText().optional(),
  auto_label_id: idText().optional(),
  label: text(200).optional(),
  order: z.enum(["newest", "score"]).default("newest").openapi({
    description: "score: the highest label_score first.",
  }),
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/proposals",
  tags,
  summary: "List proposals: objects that an auto-label has found",
  description: `A page holds fewer than \`limit\` rows if its masks reach ${maxPageBytes} bytes; \`has_more\` says whether more follow. A cursor belongs to its order.`,
  request: { params: projectParams, query: listQuery },
  responses: {
    200: json(pageOf(proposalSchema), "One page."),
    ...failures("invalid_request", "project_not_found", "memory_exceeded"),
  },
});

const acceptWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/proposals/{proposal_id}/accept",
    tags,
    summary: "Accept a proposal, as it is or corrected: it becomes an annotation",
    description:
      "The annotation's lineage names the version and the proposal. Repeating it changes nothing; a rejected proposal can be accepted, too. An image whose annotations all come from proposals trains, but never judges.",
    middleware: [limitBody(limit)] as const,
    request: { params: proposalParams, body: jsonBody(acceptBody) },
    responses: {
      200: json(proposalSchema, "The accepted proposal, with its annotation."),
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "proposal_not_found",
        "proposal_decided",
        ...maskErrors,
      ),
    },
  });

const reject = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/proposals/{proposal_id}/reject",
  tags,
  summary: "Reject a proposal; repeating it is not an error",
  description: "If it was accepted before, its annotation is deleted.",
  request: { params: proposalParams },
  responses: {
    200: json(proposalSchema, "The rejected proposal."),
    ...failures("project_not_found", "proposal_not_found"),
  },
});

const decide = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/proposals:decide",
  tags,
  summary: "Accept or reject many proposals at once",
  description: "All of them or, if one is not there, none.",
  middleware: [limitBody(256 * 1024)] as const,
  request: { params: projectParams, body: jsonBody(decisionsBody) },
  responses: {
    200: json(decisionsSchema, "The proposals as they are now, in the order of `ids`."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "body_too_large",
      "unsupported_media_type",
      "project_not_found",
      "proposal_not_found",
    ),
  },
});

/** Where a page by score ended. */
const scorePlace = z.tuple([z.number(), idText()]);

function orderOf({ order, ...query }: z.output<typeof listQuery>): ProposalOrder {
  if (order === "newest") return { by: order, after: pageRequest(query).after };
  if (query.cursor === undefined) return { by: order };
  const [labelScore, id] = decodeCursor(scorePlace, query.cursor);
  return { by: order, after: { labelScore, id } };
}

const pageFor = (query: z.output<typeof listQuery>): ProposalPage => ({
  limit: query.limit,
  order: orderOf(query),
  status: query.status,
  imageId: query.image_id,
  autoLabelId: query.auto_label_id,
  label: query.label,
});

const placeIn =
  ({ by }: ProposalOrder) =>
  ({ id, labelScore, createdAt }: Proposal): unknown[] => [
    by === "score" ? labelScore : createdAt.toISOString(),
    id,
  ];

export function proposalRoutes(services: RouteContext) {
  const { db, config, memory } = services;
  const router = createRouter();

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const asked = pageFor(c.req.valid("query"));
    const page = await planProposals(db, scope, asked);
    const ask = { by: scope.workspaceId, what: "This page", hint: "Get fewer at a time." };
    const held = await memory.reserve(copiesOfText * page.bytes, ask);
    return answerLate(c, 200, held, {
      write: async (late) => {
        const read = await readProposals(db, scope, page, asked.order);
        const written = textWriter(
          read.rows.map(({ counts }) => counts),
          late,
        );
        return pageBodyBy(read, (row) => toProposal(row, written), placeIn(asked.order));
      },
    });
  });

  /** One proposal, its mask in pieces where it is long. */
  const answer = async (c: Context<Env>, row: Proposal) => {
    const late = new LateValues();
    return sendLate(c, toProposal(row, textWriter([row.counts], late)), 200, late);
  };

  router.openapi(acceptWith(Math.min(config.MAX_BODY_BYTES, maxMaskBody)), async (c) => {
    const params = c.req.valid("param");
    const row = await acceptProposal(services, askOf(c, params), params.proposal_id, c.req.valid("json"));
    return answer(c, row);
  });

  router.openapi(reject, async (c) => {
    const params = c.req.valid("param");
    return answer(c, await rejectProposal(services, askOf(c, params), params.proposal_id));
  });

  router.openapi(decide, async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    return c.json(toDecisions(await decideProposals(services, ask, c.req.valid("json"))), 200);
  });

  return router;
}
