-- SPDX-License-Identifier: MIT
--
-- What `make demo` shows: three balances from the sandbox, as a person wants
-- to read them, and one call that fails. The sandbox put the endpoints, the
-- keys and its CA into the environment, where a call finds them by itself.
local balance = require "balance"
local blocking = require "balance.loop.blocking"

-- How long a call took is no part of its result. The transfer knows, and we
-- look at it where a script waits for it.
local wait, took = blocking.wait, nil
function blocking.wait(transfer)
  local waited, kind, message = wait(transfer)
  took = waited and transfer:result().timing.total
  return waited, kind, message
end

local function show(name, value)
  print(("    %-20s %s"):format(name, tostring(value)))
end

-- 10,000,000: from the right, a comma before every third digit.
local function grouped(text)
  local sign, whole, rest = text:match("^(%-?)(%d+)(.*)$")
  whole = whole:reverse():gsub("%d%d%d", "%0,"):reverse():gsub("^,", "")
  return sign .. whole .. rest
end

-- The answer names no currency, so neither do we.
local function amount(result)
  local text = ("%s %ss"):format(grouped(tostring(result.available)),
    result.unit)
  if result.unit == "cent" then
    text = text .. ", which is "
      .. grouped(("%.2f"):format(result.available / 100))
  end
  return text
end

local demos = {
  {
    provider = "tempolor", title = "TemPolor",
    endpoint = "TEMPOLOR_ENDPOINT", fields = { "balance" },
  },
  {
    provider = "udio", title = "Udio",
    endpoint = "UDIO_ENDPOINT", fields = { "credits", "used_credits" },
  },
  {
    provider = "tencent", title = "Tencent Cloud",
    endpoint = "TENCENT_ENDPOINT",
    fields = { "Uin", "Balance", "RealBalance", "CreditAmount",
      "RealCreditBalance", "OweAmount", "FreezeAmount" },
  },
}

local status = 0

print("Three balances, over TLS, from the stand-ins of three services.")
for _, demo in ipairs(demos) do
  local result, err = balance[demo.provider]()
  print()
  if result then
    print(("  %-14s %s available"):format(demo.title, amount(result)))
    for _, field in ipairs(demo.fields) do
      local mark = field == result.available_from and "  <- available" or ""
      show(field, tostring(result[field]) .. mark)
    end
    if result.request_id then
      show("request", result.request_id)
    end
    show("from", os.getenv(demo.endpoint))
    if took then
      show("in", ("%.1f ms"):format(took * 1000))
    end
  else
    print(("  %-14s %s"):format(demo.title, tostring(err)))
    status = 1
  end
end

print()
print("And one call that fails, because its key is written wrongly.")
print()
local result, err = balance.tempolor {
  api_key = "Bearer " .. (os.getenv "TEMPOLOR_API_KEY" or ""),
}
if result then
  print("  It should have, and did not.")
  status = 1
else
  print("  " .. tostring(err))
  for _, field in ipairs { "kind", "code", "message", "hint", "retryable" } do
    show("err." .. field, err[field])
  end
  if err.kind ~= "auth" then
    status = 1
  end
end
-- And the command, as a person sees it in a terminal. It has none of the user's
-- accounts, and what it remembers goes with the sandbox.
local function run(arguments)
  print()
  print("$ balance " .. arguments)
  io.stdout:flush()
  -- The words come back as a status in all versions of Lua, and as a number in
  -- 5.1 and LuaJIT.
  local ok = os.execute(("XDG_CONFIG_HOME=\"$SANDBOX_DIR\" XDG_STATE_HOME="
    .. "\"$SANDBOX_DIR\" %s -e 'require(\"balance.command\").main { \"%s\" }'")
    :format(os.getenv "BALANCE_LUA", arguments))
  if ok ~= true and ok ~= 0 then
    status = 1
  end
end

run "get"
run "doctor"
os.exit(status, true)
