-- A call has ended: what it held is given back, and what it used is said.
-- ARGV: prefix, process, number; of each limit: kind, name, and
--   window: the start of the window that it was taken in, how much more was used than taken, 0;
--   gauge: the amount, 0, 0;  budget: the amount held, what the process has settled by now or '', ttl.
local function give_back(key, amount)
  local has = tonumber(redis.call('HGET', key, mine) or 0)
  if has > amount then redis.call('HINCRBY', key, mine, -amount) else redis.call('HDEL', key, mine) end
end

local function correct(key, start, more)
  local now = tonumber(redis.call('HGET', key, 'start') or 0)
  local field = now == start and 'current' or now == start + MINUTE and 'previous'
  if field then redis.call('HSET', key, field, math.max(0, tonumber(redis.call('HGET', key, field)) + more)) end
end

for i = 4, #ARGV, 5 do
  local kind, name, amount = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  if kind == 'window' then
    correct(prefix .. name, amount, tonumber(ARGV[i + 3]))
  elseif kind == 'gauge' then
    give_back(prefix .. name, amount)
  else
    say(name, ARGV[i + 3], ARGV[i + 4])
    give_back(prefix .. 'h:' .. name, amount)
  end
end
