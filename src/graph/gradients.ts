/**
 * Teaches tfjs the gradients of its kernels. tfjs-core's build for Node leaves them out, and its own file that
 * registers them (dist/register_all_gradients.js) is written for bundlers: Node can't resolve its imports.
 * tfjs-layers carries a copy and registers it when it is loaded; nothing else of it is used.
 */
import "@tensorflow/tfjs-layers";
