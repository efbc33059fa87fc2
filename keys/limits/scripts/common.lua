-- What the scripts share; put in front of each. All names lie behind `prefix`, which holds the epoch; `me` is a process,
-- `mine` its present session. A session lives while `dgm:alive:<process>` holds its number.
local prefix, me, number = ARGV[1], ARGV[2], ARGV[3]
local mine = me .. '.' .. number
local ALIVE, MINUTE, DAY = 'dgm:alive:', 60000, 86400

-- Which accounts a process has a part in, for whoever corrects it after the process's death.
local function note(process, name)
  redis.call('SADD', prefix .. 'i:' .. process, name)
  redis.call('EXPIRE', prefix .. 'i:' .. process, 40 * DAY)
end

-- An account of a budget: s:<process> what a process says that it has settled since the account began, l:<process>
-- what the ledger says of one that has said nothing, total the sum of all, missing until the ledger was asked.
-- What a process says only ever grows, so that a word that is late, lost or repeated does no harm. `settled` is '' where
-- the process does not know: it goes on from the ledger's word, for calls of before the budget was made. Returns what
-- stands for the process.
local function say(name, settled, ttl)
  local key = prefix .. name
  local known = redis.call('HGET', key, 's:' .. me)
  if known and (settled == '' or tonumber(known) >= tonumber(settled)) then return tonumber(known) end
  local before = known or redis.call('HGET', key, 'l:' .. me) or '0'
  if settled == '' then settled = before end
  redis.call('HSET', key, 's:' .. me, settled)
  if redis.call('HEXISTS', key, 'total') == 1 then
    redis.call('HINCRBY', key, 'total', string.format('%.0f', tonumber(settled) - tonumber(before)))
  end
  if not known then
    redis.call('HDEL', key, 'l:' .. me)
    redis.call('EXPIRE', key, ttl)
    note(me, name)
  end
  return tonumber(settled)
end
