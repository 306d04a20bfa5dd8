# The guided filter of He et al. in plain numpy, windows truncated at the border, on a small seeded scene.
import json
import numpy as np

rng = np.random.default_rng(7)
h, w, r, eps, thr = 21, 26, 3, 1e-3, 0.4
guide = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
guide[5:14, 8:19] = [200, 40, 30]
guide[5:14, 8:19] = np.clip(guide[5:14, 8:19].astype(int) + rng.integers(-12, 13, (9, 11, 3)), 0, 255)
y, x = np.mgrid[:h, :w]
logits = (6 - np.hypot(y - 9.5, x - 13.2)).astype(np.float32)
def box(a):
    out = np.empty_like(a)
    for i in range(h):
        for j in range(w):
            out[i, j] = a[max(0, i - r):i + r + 1, max(0, j - r):j + r + 1].mean(axis=(0, 1))
    return out
I = guide / 255.0
p = 1 / (1 + np.exp(-logits.astype(np.float64)))
mI, mp = box(I), box(p)
cov = box(I * p[..., None]) - mI * mp[..., None]
var = box(I[..., :, None] * I[..., None, :]) - mI[..., :, None] * mI[..., None, :]
a = np.linalg.solve(var + eps * np.eye(3), cov[..., None])[..., 0]
b = mp - (a * mI).sum(-1)
q = np.clip((box(a) * I).sum(-1) + box(b), 1e-4, 1 - 1e-4)
out = np.log(q / (1 - q)) - np.log(thr / (1 - thr))
print(json.dumps({"height": h, "width": w, "radius": r, "epsilon": eps, "threshold": thr,
  "guide": guide.ravel().tolist(), "logits": [round(float(v), 6) for v in logits.ravel()], "refined": [round(float(v), 6) for v in out.ravel()]}))
