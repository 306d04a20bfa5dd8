/**
 * Importing this switches onnxruntime's telemetry off for the process. Left on, it writes a device id and a store of
 * usage events below the user's cache folder and looks up a collector to send them to (onnxruntime 1.30 on Linux). It
 * reads this variable once, when its library loads, from the process itself: a worker thread has only a copy of the
 * environment. So a module that starts threads imports this, and one that calls onnxruntime imports onnxruntime.ts.
 */
process.env["ORT_DISABLE_TELEMETRY"] = "1";
