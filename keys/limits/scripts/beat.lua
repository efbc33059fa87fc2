-- The session goes on. ARGV: prefix, process, number, its life (ms). Reply: 1, or 0 where it is over.
if redis.call('GET', ALIVE .. me) ~= number then return 0 end
local since = string.match(redis.call('GET', 'dgm:limits:epoch') or '', '^%d+')
if not since or prefix ~= 'dgm:l:' .. since .. ':' then return 0 end
redis.call('PEXPIRE', ALIVE .. me, ARGV[4])
return 1
