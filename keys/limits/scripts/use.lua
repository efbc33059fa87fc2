-- What is settled and held of many accounts, for pages: nothing is changed.
-- ARGV: '', '', ''; then name, ... Reply: for each its total, '' where it has none, and what living sessions hold of it.
local epoch = redis.call('GET', 'dgm:limits:epoch')
if not epoch then return {} end
local names, said = 'dgm:l:' .. string.match(epoch, '^[^ ]*') .. ':', {}

local function held(name)
  local sum, parts = 0, redis.call('HGETALL', names .. 'h:' .. name)
  for i = 1, #parts, 2 do
    local process, number = string.match(parts[i], '^(.*)%.([^.]*)$')
    if process and redis.call('GET', ALIVE .. process) == number then sum = sum + tonumber(parts[i + 1]) end
  end
  return string.format('%.0f', sum)
end

for i = 4, #ARGV do
  said[#said + 1] = redis.call('HGET', names .. ARGV[i], 'total') or ''
  said[#said + 1] = held(ARGV[i])
end
return said
