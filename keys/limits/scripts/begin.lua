-- A session begins: all that the process holds and has settled is said anew, and from then on it lives.
-- ARGV: '', process, number, the server's run_id, life of a session (ms), length of a recovery (ms); then of each
-- account or gauge: held or settled, name, amount, ttl (s). Reply: {prefix, ms until the recovery is over}.
-- An epoch begins where the server is new or was emptied: nothing older is looked at, whatever a snapshot has restored.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since, server = string.match(redis.call('GET', 'dgm:limits:epoch') or '', '^(%d+) (.*)$')
if server ~= ARGV[4] then
  since = string.format('%.0f', now)
  redis.call('SET', 'dgm:limits:epoch', since .. ' ' .. ARGV[4])
end
prefix = 'dgm:l:' .. since .. ':'
for i = 7, #ARGV, 4 do
  if ARGV[i] == 'held' then
    redis.call('HSET', prefix .. ARGV[i + 1], mine, ARGV[i + 2])
    redis.call('EXPIRE', prefix .. ARGV[i + 1], ARGV[i + 3])
  else
    say(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  end
end
redis.call('SET', ALIVE .. me, number, 'PX', ARGV[5])
return {prefix, math.max(0, tonumber(since) + tonumber(ARGV[6]) - now)}
