export const Webhooks = () => <p>Webhooks</p>;
