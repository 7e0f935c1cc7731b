-- SPDX-License-Identifier: MIT
--
-- The three services of examples/providers/, as their documents have them: a
-- key chooses the answer. Argument: the file to which it writes its port.
local serving = require "support.serving"

local function answer(status, body)
  return serving.answer(status, body, "Content-Type: application/json\r\n")
end

-- By the line of the request: the header that has the key, and the answer to
-- each key; `wrong` is for every other one.
local services = {
  ["GET /user/balance"] = {
    header = "authorization", scheme = "Bearer ",
    keys = {
      ["key-1-deepseek"] = '{"is_available":true,"balance_infos":[{"currency":'
        .. '"CNY","total_balance":"110.00","granted_balance":"10.00",'
        .. '"topped_up_balance":"100.00"}]}',
      ["key-2-deepseek"] = '{"is_available":true,"balance_infos":[{"currency":'
        .. '"CNY","total_balance":"0.00","granted_balance":"0.00",'
        .. '"topped_up_balance":"0.00"},{"currency":"USD","total_balance":'
        .. '"7.25","granted_balance":"0.00","topped_up_balance":"7.25"}]}',
      ["key-empty-deepseek"] = '{"is_available":false,"balance_infos":[{'
        .. '"currency":"CNY","total_balance":"0.00","granted_balance":"0.00",'
        .. '"topped_up_balance":"0.00"}]}',
      ["key-none-deepseek"] = '{"is_available":false,"balance_infos":[]}',
    },
    wrong = answer("401 Unauthorized", '{"error":{"message":"Authentication '
      .. 'Fails, your api key is invalid","type":"authentication_error",'
      .. '"param":null,"code":"invalid_request_error"}}'),
  },
  ["GET /v1/user/subscription"] = {
    header = "xi-api-key", scheme = "",
    keys = {
      ["key-1-elevenlabs"] = '{"tier":"starter","character_count":12000,'
        .. '"character_limit":30000,"status":"active",'
        .. '"next_character_count_reset_unix":1798761600}',
      ["key-other-elevenlabs"] = '{"tier":"starter","character_count":12000}',
    },
    wrong = answer("401 Unauthorized", '{"detail":{"status":'
      .. '"invalid_api_key","message":"Invalid API key"}}'),
  },
  ["GET /api/v1/credits"] = {
    header = "authorization", scheme = "Bearer ",
    keys = {
      ["key-1-openrouter"] =
        '{"data":{"total_credits":100.5,"total_usage":25.75}}',
      ["key-zero-openrouter"] = '{"data":{"total_credits":0,"total_usage":0}}',
    },
    forbidden = "key-4-models-openrouter",
    no = answer("403 Forbidden", '{"error":{"code":403,"message":"Only '
      .. 'management keys can perform this operation"}}'),
    wrong = answer("401 Unauthorized",
      '{"error":{"code":401,"message":"No auth credentials found"}}'),
  },
}

local function respond(head)
  local service = services[head:match "^(%u+ %S+) "]
  if not service then
    return serving.answer("404 Not Found", "<html>")
  end
  local value = ("\n" .. head:lower()):match("\n"
    .. service.header:gsub("%-", "%%-") .. ": ([^\r]*)") or ""
  local scheme = service.scheme:lower()
  local key = value:sub(1, #scheme) == scheme and value:sub(#scheme + 1)
  if key == service.forbidden then
    return service.no
  end
  local body = service.keys[key]
  return body and answer("200 OK", body) or service.wrong
end

serving.run(arg[1], serving.listen(function(connection)
  local head = serving.read_head(connection)
  while head do
    serving.send(connection, respond(head))
    head = serving.read_head(connection)
  end
end))
