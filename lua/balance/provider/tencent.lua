-- SPDX-License-Identifier: MIT
--- Tencent Cloud: DescribeAccountBalance of the billing service, 2018-07-09.
-- @module balance.provider.tencent

local answer = require "balance.answer"
local core = require "balance.core"
local refusal = require "balance.provider.tencent_refusal"

local _M = {
  name = "tencent",
  unit = "cent",
  endpoint_variable = "TENCENT_ENDPOINT",
  -- the second of each are what Tencent's function platform sets
  credentials = {
    {
      name = "secret_id",
      variable = { "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRETID" },
    },
    {
      name = "secret_key",
      variable = { "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_SECRETKEY" },
    },
    {
      name = "token", optional = true,
      variable = { "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSIONTOKEN" },
    },
  },
  credential_options = { "profile", "credentials_file" },
  credential_sources = { "tencent_file", "tccli_file", "cvm_role" },
  credential_role = "assumed_role",
  rate = 20, -- requests a second, as the document allows
  options = {
    temp_credit = "boolean",
    region = "string",
    language = "string",
    site = { "intl", "cn" },
    profile = "string",
    credentials_file = "string",
    cvm_role = "boolean string",
  },
}

local endpoints = {
  intl = "https://billing.intl.tencentcloudapi.com",
  cn = "https://billing.tencentcloudapi.com",
}

local fields = answer.fields {
  "Balance number", "RequestId string?", "Uin number?", "RealBalance number?",
  "CashAccountBalance number?", "IncomeIntoAccountBalance number?",
  "PresentAccountBalance number?", "FreezeAmount number?",
  "OweAmount number?", "CreditAmount number?", "CreditBalance number?",
  "RealCreditBalance number?", "TempCredit number?",
  "IsAllowArrears boolean?", "IsCreditLimited boolean?",
}

local temporary = answer.fields {
  "Uin string?", "TempAmount number?", "StartTime string?", "EndTime string?",
}

function _M.default_endpoint(config)
  return endpoints[config.site or "intl"]
end

-- The answer does not name it; the service's own alarm counts in these.
local currencies = { intl = "USD", cn = "CNY" }

function _M.currency(config)
  return currencies[config.site or "intl"]
end

function _M.request(config, clock_offset)
  return {
    path = "/",
    body = config.temp_credit and '{"TempCredit":true}' or "{}",
    headers = { ["X-TC-Language"] = config.language or "en-US" },
    tc3 = {
      secret_id = config.secret_id,
      secret_key = config.secret_key,
      token = config.token,
      service = "billing",
      action = "DescribeAccountBalance",
      version = "2018-07-09",
      region = config.region,
      timestamp = os.time() + (clock_offset or 0),
    },
  }
end

-- The field with the money that can still be spent: with a credit line, what is
-- left of both. Returns a failure, too, where a field for this is wrong.
local function available_from(response)
  local credit = response.CreditAmount
  local failure = credit ~= nil
    and answer.needs(response, "Response", "CreditAmount") or nil
  local from = "Balance"
  if not failure and (answer.number(credit) or 0) > 0 then
    from = "RealCreditBalance"
  elseif response.RealBalance ~= nil then
    from = "RealBalance"
  end
  return from, failure or answer.needs(response, "Response", from)
end

function _M.read(status, body)
  local response, refused = refusal.open(status, body)
  if not response then
    return nil, refused
  end
  local from, failure = available_from(response)
  if failure then
    failure.request_id = response.RequestId
    return nil, failure
  end
  local unexpected = answer.compare_list(answer.compare(nil, response, fields),
    response.TempAmountInfoList, "TempAmountInfoList", temporary)
  local result = core.copy(response)
  result.available, result.unit = nil, nil -- what it sends is in `raw`
  result.available_from, result.request_id = from, response.RequestId
  return result, nil, unexpected
end

-- An id begins with the letters of its site.
local id = "^[AI]KID%w+$"

--- What is wrong with the keys by their look.
-- @tparam table config with all keys
-- @treturn ?string nil where they look like keys
function _M.odd(config)
  if config.secret_key:find(id) and not config.secret_id:find(id) then
    return "the id is where the key should be: secret_id and secret_key are"
      .. " swapped"
  end
end

function _M.hint(failure, context)
  return failure.kind == "auth" and _M.odd(context.config)
    or refusal.hint(failure, context)
end

_M.is_clock_refused = refusal.is_clock_refused
_M.is_token_refused = refusal.is_token_refused

return _M
