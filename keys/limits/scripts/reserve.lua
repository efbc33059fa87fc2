-- Every limit of a call is checked, and the call's part taken from all of them or from none.
-- ARGV: prefix, process, number, now (Unix ms); of each limit: kind, name, most, amount, settled or '', ttl.
-- Reply: {1 taken or 0 refused; of each limit: 1 fits or 0, three counts}; {-1}: the session is over;
-- {-2, name, ...}: accounts that the ledger must be asked for.
if redis.call('GET', ALIVE .. me) ~= number then return {-1} end
local now = tonumber(ARGV[4])

local function window(key)
  local said = redis.call('HMGET', key, 'start', 'current', 'previous')
  local start, current, previous = tonumber(said[1] or now), tonumber(said[2] or 0), tonumber(said[3] or 0)
  if now >= start + 2 * MINUTE then return now, 0, 0 end
  if now >= start + MINUTE then return start + MINUTE, 0, current end
  return start, current, previous
end

-- What living sessions hold. A dead one's part goes; one that was only frozen begins a new session when it wakes.
local function held(key)
  local sum, all = 0, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local process, session = string.match(all[i], '^(.+)%.(%d+)$')
    if all[i] == mine or redis.call('GET', ALIVE .. process) == session then
      sum = sum + tonumber(all[i + 1])
    else
      redis.call('HDEL', key, all[i])
    end
  end
  return sum
end

local reply, missing = {1}, {-2}
for i = 5, #ARGV, 6 do
  local kind, key, most, amount = ARGV[i], prefix .. ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local fits, a, b, c = false, 0, 0, 0
  if kind == 'window' then
    a, b, c = window(key)
    fits = c * (MINUTE - math.max(0, now - a)) <= (most - amount - b) * MINUTE
  elseif kind == 'gauge' then
    a = held(key)
    fits = a + amount <= most
  else
    if redis.call('HEXISTS', key, 'total') == 0 then
      missing[#missing + 1] = ARGV[i + 1]
    else
      c = say(ARGV[i + 1], ARGV[i + 4], ARGV[i + 5])
      a, b = tonumber(redis.call('HGET', key, 'total')), held(prefix .. 'h:' .. ARGV[i + 1])
      fits = a + b + amount <= most
    end
  end
  if not fits then reply[1] = 0 end
  for _, count in ipairs({fits and 1 or 0, a, b, c}) do reply[#reply + 1] = count end
end
if #missing > 1 then return missing end
if reply[1] == 0 then return reply end

for i = 5, #ARGV, 6 do
  local kind, key, amount = ARGV[i], prefix .. ARGV[i + 1], tonumber(ARGV[i + 3])
  local at = 2 + (i - 5) / 6 * 4
  if kind == 'window' then
    reply[at + 2] = reply[at + 2] + amount
    redis.call('HSET', key, 'start', reply[at + 1], 'current', reply[at + 2], 'previous', reply[at + 3])
    redis.call('PEXPIRE', key, 3 * MINUTE)
  elseif kind == 'gauge' then
    reply[at + 1] = reply[at + 1] + amount
    redis.call('HINCRBY', key, mine, amount)
    redis.call('EXPIRE', key, DAY)
  else
    reply[at + 2] = reply[at + 2] + amount
    redis.call('HINCRBY', prefix .. 'h:' .. ARGV[i + 1], mine, amount)
    redis.call('EXPIRE', prefix .. 'h:' .. ARGV[i + 1], ARGV[i + 5])
  end
end
return reply
