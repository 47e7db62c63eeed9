package request

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// newJSONCall makes the body of a JSON-RPC 2.0 call. Bytes are base64.
func (r *Request) newJSONCall(ctx context.Context) (*body, error) {
	arguments, err := r.parseWords(ctx)
	if err != nil {
		return nil, err
	}
	for i, argument := range arguments {
		if bytes, ok := argument.(blob); ok {
			arguments[i] = base64.StdEncoding.EncodeToString(bytes)
		}
	}
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": r.JSONRPC, "params": arguments})
	return &body{parts: []part{{text: string(text)}}, contentType: "application/json"}, err
}

// parseJSONResult reads the response of a JSON-RPC call. An error in it is a *fault.
func parseJSONResult(response []byte) (any, error) {
	var result struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int64  `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
		Version string `json:"jsonrpc"`
	}
	if err := json.Unmarshal(response, &result); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	switch {
	case result.Error != nil:
		return nil, &fault{result.Error.Code, result.Error.Message}
	case result.Version == "" || result.Result == nil:
		return nil, errors.New("it is not a JSON-RPC response")
	}
	d := json.NewDecoder(bytes.NewReader(result.Result))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	return value, err
}
