"""How a cluster's key is followed by another, in Redis: each step is one script."""

# KEYS: the identity. ARGV: the key that asks, the new key's id and text, now, overlap, channel,
# cluster.
SUCCEED = """
local id, now = KEYS[1], tonumber(ARGV[4])
local count = 0
for _, name in ipairs(redis.call('HKEYS', id)) do
  if string.sub(name, 1, 4) == 'key:' then count = count + 1 end
end
local held = redis.call('HGET', id, 'key:' .. ARGV[2])
if held then
  if held ~= ARGV[3] or redis.call('HEXISTS', id, 'until:' .. ARGV[2]) == 1 then
    return 'former'
  end
  return 'again'
end
if redis.call('HEXISTS', id, 'key:' .. ARGV[1]) == 0 then return 'revoked' end
if redis.call('HEXISTS', id, 'until:' .. ARGV[1]) == 1 then return 'former' end
if count >= 8 then return 'often' end
redis.call('HSET', id, 'key:' .. ARGV[2], ARGV[3], 'made:' .. ARGV[2], ARGV[4],
  'until:' .. ARGV[1], tostring(now + tonumber(ARGV[5])),
  'rotation', '{"at":' .. ARGV[4] .. ',"ok":true}')
redis.call('HDEL', id, 'rotate')
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 'done'
"""

# KEYS: the identity. ARGV: now.
BURY = """
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(name, 1, 6) == 'until:' then
    local kid = string.sub(name, 7)
    if (tonumber(redis.call('HGET', KEYS[1], name)) or 0) <= tonumber(ARGV[1]) then
      redis.call('HDEL', KEYS[1], name, 'key:' .. kid, 'made:' .. kid)
    end
  end
end
"""

# KEYS: the identity. ARGV: the key that speaks, then fields and values.
NOTE = """
if redis.call('HEXISTS', KEYS[1], 'key:' .. ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
"""

# KEYS: the identity. ARGV: now, channel, cluster.
ASK = """
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(name, 1, 4) == 'key:' then
    redis.call('HSET', KEYS[1], 'rotate', ARGV[1])
    redis.call('PUBLISH', ARGV[2], ARGV[3])
    return 1
  end
end
return 0
"""

REFUSALS = {
    "revoked": "the key that asks is not good any more",
    "former": "a key that was replaced already cannot be used for that",
    "often": "this cluster has eight keys that are still good; each is for 24 h after its rotation",
}
