import { useMay } from '../api/account';
import { AllowedModels } from './AllowedModels';
import { Limits } from './Limits';
import { Prices } from './Prices';

/** On which terms models may be asked. */
export function Terms() {
  const mayChange = useMay('billing:manage');
  return (
    <>
      <Limits mayChange={mayChange} />
      <AllowedModels mayChange={mayChange} />
      <Prices mayChange={mayChange} />
    </>
  );
}
