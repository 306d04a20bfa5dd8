#!/usr/bin/env node
// The command `maskwright-acceptance`: whether an installation does what the contract says, asked from outside.
import { main } from "./acceptance/main.mjs";

process.exitCode = await main(process.argv.slice(2));
