-- An account's sum out of the ledger, beside what processes have said of themselves.
-- ARGV: prefix, process, number, name, ttl, adoptions before the ledger was read; then process, amount, ...
-- Reply: 1 where the account has a sum now; 0: a process's death was noted meanwhile, so the ledger must be read again.
local name, key = ARGV[4], prefix .. ARGV[4]
if redis.call('HEXISTS', key, 'total') == 1 then return 1 end
if (redis.call('GET', prefix .. 'adoptions') or '0') ~= ARGV[6] then return 0 end
for i = 7, #ARGV, 2 do
  if redis.call('HEXISTS', key, 's:' .. ARGV[i]) == 0 then
    redis.call('HSET', key, 'l:' .. ARGV[i], ARGV[i + 1])
    note(ARGV[i], name)
  end
end
local total, all = 0, redis.call('HVALS', key)
for _, amount in ipairs(all) do total = total + tonumber(amount) end
redis.call('HSET', key, 'total', string.format('%.0f', total))
redis.call('EXPIRE', key, ARGV[5])
return 1
