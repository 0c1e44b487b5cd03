"""Score-function gradients of twenty Bernoulli latents (W5) by NumPyro, in the three ways they can be asked for.

usage: gradients_numpyro.py w5_bernoulli.json
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import lax, random
from numpyro.infer import TraceGraph_ELBO

data = json.load(open(sys.argv[1]))
w, c, x, prior = (jnp.asarray(data[k], jnp.float32) for k in ("W", "c", "x", "prior_logit"))
phi = jnp.asarray(data["phi_rand"], jnp.float32)


def model():
    b = numpyro.sample("b", dist.Bernoulli(logits=prior).to_event(1))
    numpyro.sample("x", dist.Normal(w @ b + c, 1.0).to_event(1), obs=x)


def guide():
    numpyro.sample("b", dist.Bernoulli(logits=numpyro.param("phi", phi)).to_event(1))


def gradient(phi, key):
    bound = lambda p: -TraceGraph_ELBO().loss(key, {"phi": p}, model, guide)
    return jax.grad(bound)(phi)


def best(call, count, stretches):
    jax.block_until_ready(call())
    times = []
    for _ in range(stretches):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append((time.perf_counter() - start) / count)
    return min(times) * 1e6


num = 20_000
keys = random.split(random.key(0), num)
batch = jax.jit(jax.vmap(gradient, in_axes=(None, 0)))
one = jax.jit(gradient)


@jax.jit
def steps(phi, keys):
    """One after the other, each from where the last one led, as in a fit."""
    return lax.scan(lambda p, key: (p + 1e-9 * gradient(p, key), None), phi, keys)[0]


def calls():
    for key in keys[:500]:
        out = one(phi, key)
    return out


print(f"batch of {num} gradients of one draw: {best(lambda: batch(phi, keys), num, 20):8.3f} us a gradient")
print(f"{num} steps in one compiled loop:      {best(lambda: steps(phi, keys), num, 5):8.3f} us a gradient")
print(f"500 calls of one compiled gradient:  {best(calls, 500, 5):8.3f} us a gradient")
