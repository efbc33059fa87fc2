-- A process is dead and all its records have landed: the ledger's word replaces its own, and what it held is free.
-- ARGV: prefix, process, ''; then name, the ledger's sum, ...
for i = 4, #ARGV, 2 do
  local key = prefix .. ARGV[i]
  if redis.call('HEXISTS', key, 'total') == 1 then
    local before = redis.call('HGET', key, 's:' .. me) or redis.call('HGET', key, 'l:' .. me) or 0
    redis.call('HDEL', key, 's:' .. me)
    redis.call('HSET', key, 'l:' .. me, ARGV[i + 1])
    redis.call('HINCRBY', key, 'total', string.format('%.0f', tonumber(ARGV[i + 1]) - tonumber(before)))
  else
    redis.call('HDEL', key, 's:' .. me)
  end
end
redis.call('INCR', prefix .. 'adoptions')
redis.call('EXPIRE', prefix .. 'adoptions', 40 * DAY)
redis.call('DEL', ALIVE .. me, prefix .. 'i:' .. me)
