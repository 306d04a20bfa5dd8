export const Usage = () => <p>Usage</p>;
