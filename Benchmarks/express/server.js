'use strict';
// The baseline of the bench: what a competent person builds first with Express and node-redis, in one process.
// It answers like the node where the bench looks (stocking, reading and reserving), and nothing else.

const { randomUUID } = require('crypto');
const { readFileSync } = require('fs');
const path = require('path');
const express = require('express');
const redis = require('redis');

const RESERVE = readFileSync(path.join(__dirname, 'obvious.lua'), 'utf8');
const SKU = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const isQuantity = (value) => Number.isInteger(value) && value >= 1 && value <= 1000000;
const isItem = (item) => item && SKU.test(item.sku) && isQuantity(item.quantity);
const timestamp = (millis) => new Date(millis).toISOString();

function problem(res, status, name, extra = {}) {
  res.status(status).type('application/problem+json')
    .json({ type: `urn:holdfast:problem:${name}`, title: name, status, ...extra });
}

function itemsOf(body) {
  const lines = body.items || [{ sku: body.sku, quantity: body.quantity }];
  if (!Array.isArray(lines) || lines.length < 1 || lines.length > 20 || !lines.every(isItem)) {
    return null;
  }
  const merged = new Map();
  for (const { sku, quantity } of lines) {
    merged.set(sku, (merged.get(sku) || 0) + quantity);
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([sku, quantity]) => ({ sku, quantity }));
}

async function serve() {
  const client = redis.createClient({ url: process.env.REDIS_URL });
  client.on('error', (error) => console.error(error));
  await client.connect();
  const reserveSHA = await client.scriptLoad(RESERVE);

  const app = express();
  app.use(express.json({ limit: '64kb' }));

  app.put('/inventory/:sku', async (req, res, next) => {
    try {
      await client.set(`inventory:${req.params.sku}`, String(req.body.total));
      res.json({ sku: req.params.sku, total: req.body.total });
    } catch (error) {
      next(error);
    }
  });

  app.get('/inventory/:sku', async (req, res, next) => {
    try {
      const [available, reserved] = await Promise.all([
        client.get(`inventory:${req.params.sku}`),
        client.hGet(`counters:${req.params.sku}`, 'reserved'),
      ]);
      if (available === null) return problem(res, 404, 'unknown-sku');
      return res.json({ sku: req.params.sku, available: Number(available), reserved: Number(reserved || 0), sold: 0 });
    } catch (error) {
      return next(error);
    }
  });

  app.post('/inventory/reserve', async (req, res, next) => {
    try {
      const items = itemsOf(req.body);
      const ttl = req.body.ttlSeconds === undefined ? 300 : req.body.ttlSeconds;
      if (!items || !Number.isInteger(ttl) || ttl < 1 || ttl > 3600) {
        return problem(res, 400, 'invalid-request');
      }
      const key = req.get('Idempotency-Key');
      const lines = JSON.stringify(items);
      const answer = JSON.parse(await client.evalSha(reserveSHA, {
        keys: [key ? `idem:reserve:${key}` : ''],
        arguments: [randomUUID(), String(ttl), lines, `${lines} ${ttl}`],
      }));
      switch (answer.outcome) {
        case 'reserved':
        case 'replayed': {
          const { reservation } = answer;
          if (answer.outcome === 'replayed') res.set('Idempotent-Replayed', 'true');
          return res.status(201).location(`/reservations/${reservation.reservationId}`).json({
            ...reservation,
            createdAt: timestamp(reservation.createdAt),
            expiresAt: timestamp(reservation.expiresAt),
          });
        }
        case 'short': {
          const next = Math.min(...answer.shortages.map((shortage) => shortage.nextReleaseAt || Infinity));
          if (Number.isFinite(next)) {
            res.set('Retry-After', String(Math.max(1, Math.ceil((next - answer.now) / 1000))));
          }
          return problem(res, 409, 'insufficient-stock', {
            shortages: answer.shortages.map((shortage) => ({
              ...shortage,
              nextReleaseAt: shortage.nextReleaseAt && timestamp(shortage.nextReleaseAt),
            })),
          });
        }
        case 'reused':
          return problem(res, 422, 'idempotency-key-reused');
        default:
          return problem(res, 404, 'unknown-sku', { skus: [answer.sku] });
      }
    } catch (error) {
      return next(error);
    }
  });

  app.listen(Number(process.env.PORT), '127.0.0.1');
}

serve().catch((error) => {
  console.error(error);
  process.exit(1);
});
