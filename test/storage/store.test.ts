import { localTestStore } from "../helpers/objects.ts";
import { s3TestStore } from "../helpers/s3.ts";
import { storeCases } from "./store-cases.ts";

storeCases("local disk", localTestStore);
storeCases("S3", s3TestStore);
