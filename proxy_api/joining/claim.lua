-- The value at ARGV[1]; where there is none, the lease at ARGV[2] for ARGV[3] over ARGV[4] ms, or who holds it.
-- A server that refuses to write can still be read.
local found = redis.call('GET', ARGV[1])
if found then
  return found
end
local held = redis.pcall('SET', ARGV[2], ARGV[3], 'NX', 'GET', 'PX', ARGV[4])
if type(held) == 'table' then
  return {0}
end
return {1, held}
